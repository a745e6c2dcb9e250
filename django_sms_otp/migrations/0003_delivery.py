from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_sms_otp", "0002_limits_and_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="otpcode",
            name="counted_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="counted at"),
        ),
        migrations.AddField(
            model_name="otpcode",
            name="language",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=16, verbose_name="language"
            ),
        ),
        migrations.AddField(
            model_name="otpcode",
            name="undelivered_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=64,
                verbose_name="not delivered by",
            ),
        ),
        migrations.AlterField(
            model_name="otpcode",
            name="delivery_state",
            field=models.CharField(
                choices=[
                    ("pending", "waiting to be sent"),
                    ("sent", "sent"),
                    ("delivered", "delivered"),
                    ("undelivered", "not delivered"),
                    ("failed", "failed"),
                    ("unknown", "unknown"),
                    ("withheld", "withheld"),
                ],
                default="pending",
                max_length=16,
                verbose_name="delivery",
            ),
        ),
    ]
