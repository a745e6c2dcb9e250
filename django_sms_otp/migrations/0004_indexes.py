# Each new index is there before the old one goes: numbers stay unique in between.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_sms_otp", "0003_delivery"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="verifiedphone",
            constraint=models.UniqueConstraint(
                fields=("phone_number",), name="sms_otp_verified_phone_key"
            ),
        ),
        migrations.AlterField(
            model_name="verifiedphone",
            name="phone_number",
            field=models.CharField(max_length=16, verbose_name="phone number"),
        ),
        migrations.AddIndex(
            model_name="otpcode",
            index=models.Index(
                fields=["phone_number", "purpose", "-expires_at"], name="sms_otp_code_live_idx"
            ),
        ),
        migrations.RemoveIndex(
            model_name="otpcode",
            name="sms_otp_code_newest_idx",
        ),
    ]
