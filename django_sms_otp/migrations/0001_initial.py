import django.db.models.deletion
import django_sms_otp.fields
import django_sms_otp.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HourlyCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("region", models.CharField(blank=True, max_length=3, verbose_name="region")),
                (
                    "backend",
                    models.CharField(
                        blank=True, default="", max_length=64, verbose_name="backend"
                    ),
                ),
                ("event", models.CharField(max_length=32, verbose_name="event")),
                ("count", models.PositiveBigIntegerField(default=0, verbose_name="count")),
            ],
            options={
                "verbose_name": "hourly count",
                "verbose_name_plural": "hourly counts",
                "indexes": [
                    models.Index(fields=["hour"], name="sms_otp_hourly_count_hour_idx")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("event", "region", "hour", "backend"),
                        name="sms_otp_hourly_count_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Limit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("number", "phone number"),
                            ("ip", "IP address"),
                            ("failures_ip", "wrong guesses from an IP address"),
                            ("prefix", "prefix"),
                            ("country", "country"),
                            ("site", "site"),
                            ("lookup", "look-ups"),
                            ("circuit", "circuit of a backend"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                (
                    "subject",
                    models.CharField(blank=True, max_length=64, verbose_name="subject"),
                ),
                ("state", models.JSONField(default=dict, verbose_name="state")),
                ("uses", models.PositiveIntegerField(default=0, verbose_name="uses")),
                ("version", models.BigIntegerField(default=0, verbose_name="version")),
                ("updated_at", models.DateTimeField(verbose_name="updated at")),
                (
                    "is_kept",
                    models.BooleanField(default=False, verbose_name="exempt from the purge"),
                ),
                (
                    "refusals",
                    models.JSONField(
                        blank=True, editable=False, null=True, verbose_name="refusals"
                    ),
                ),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "limits",
                "permissions": [
                    ("unlock_limit", "Can lift limits and lockouts"),
                    ("block_number", "Can block and allow phone numbers"),
                    ("erase_number", "Can erase what is kept about a phone number"),
                ],
                "indexes": [
                    models.Index(
                        fields=["is_kept", "updated_at"], name="sms_otp_limit_purge_idx"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "subject"), name="sms_otp_limit_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OTPCode",
            fields=[
                (
                    "id",
                    django_sms_otp.fields.RequestIdField(
                        default=django_sms_otp.models.new_request_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="request id",
                    ),
                ),
                ("phone_number", models.CharField(max_length=16, verbose_name="phone number")),
                ("region", models.CharField(max_length=3, verbose_name="region")),
                ("purpose", models.CharField(max_length=32, verbose_name="purpose")),
                (
                    "context",
                    models.TextField(blank=True, default="", verbose_name="context"),
                ),
                (
                    "seed",
                    models.CharField(
                        default=django_sms_otp.models.new_seed,
                        max_length=32,
                        verbose_name="seed",
                    ),
                ),
                ("key_id", models.CharField(max_length=16, verbose_name="key fingerprint")),
                ("code_length", models.PositiveSmallIntegerField(verbose_name="code length")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                (
                    "send_count",
                    models.PositiveSmallIntegerField(default=1, verbose_name="sends"),
                ),
                (
                    "failed_attempts",
                    models.PositiveSmallIntegerField(default=0, verbose_name="failed attempts"),
                ),
                (
                    "redeemed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="redeemed at"),
                ),
                (
                    "superseded_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="superseded at"),
                ),
                (
                    "ip_address",
                    models.GenericIPAddressField(
                        blank=True, null=True, verbose_name="IP address"
                    ),
                ),
                (
                    "channel",
                    models.CharField(default="sms", max_length=16, verbose_name="channel"),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True, default="", max_length=16, verbose_name="language"
                    ),
                ),
                ("backend", models.CharField(max_length=64, verbose_name="backend")),
                (
                    "message_id",
                    models.CharField(
                        blank=True, max_length=128, verbose_name="gateway message id"
                    ),
                ),
                (
                    "delivery_state",
                    models.CharField(
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
                (
                    "delivery_error",
                    models.CharField(blank=True, max_length=64, verbose_name="delivery error"),
                ),
                (
                    "undelivered_by",
                    models.CharField(
                        blank=True, default="", max_length=64, verbose_name="not delivered by"
                    ),
                ),
                (
                    "counted_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="counted at"),
                ),
                (
                    "claimed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="claimed at"),
                ),
                (
                    "sent_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="sent at"),
                ),
                (
                    "delivered_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="delivered at"),
                ),
                (
                    "withheld_by",
                    models.CharField(
                        blank=True, default="", max_length=16, verbose_name="withheld by"
                    ),
                ),
                (
                    "exempt",
                    models.BooleanField(
                        default=False, verbose_name="exempt from fraud controls"
                    ),
                ),
                (
                    "recorded",
                    models.CharField(
                        blank=True, default="", max_length=128, verbose_name="only recorded"
                    ),
                ),
                (
                    "user",
                    django_sms_otp.fields.UserForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "issued code",
                "verbose_name_plural": "issued codes",
                "permissions": [
                    ("view_whole_phone_number", "Can see whole phone numbers"),
                    ("invalidate_otpcode", "Can invalidate issued codes"),
                    ("send_otpcode", "Can send live codes again"),
                ],
                "indexes": [
                    models.Index(
                        fields=["phone_number", "purpose", "-expires_at"],
                        name="sms_otp_code_live_idx",
                    ),
                    models.Index(
                        fields=["-created_at", "-id"], name="sms_otp_code_created_idx"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VerifiedPhone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("phone_number", models.CharField(max_length=16, verbose_name="phone number")),
                ("verified_at", models.DateTimeField(verbose_name="verified at")),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last used at"),
                ),
                (
                    "is_primary",
                    models.BooleanField(default=True, null=True, verbose_name="primary"),
                ),
                (
                    "is_test",
                    models.BooleanField(default=False, verbose_name="of a test number"),
                ),
                (
                    "user",
                    django_sms_otp.fields.UserForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verified_phones",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "verified phone number",
                "verbose_name_plural": "verified phone numbers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("phone_number",), name="sms_otp_verified_phone_key"
                    ),
                    models.UniqueConstraint(
                        fields=("user", "is_primary"), name="sms_otp_verified_phone_primary_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_primary", True), ("is_primary", None), _connector="OR"
                        ),
                        name="sms_otp_verified_phone_primary_check",
                    ),
                ],
            },
        ),
    ]
