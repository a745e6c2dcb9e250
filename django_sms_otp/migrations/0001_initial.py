# The tables as they are first made.

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
            name="Limit",
            fields=[
                (
                    "key",
                    models.CharField(
                        max_length=64, primary_key=True, serialize=False, verbose_name="key"
                    ),
                ),
                ("state", models.JSONField(default=dict, verbose_name="state")),
                (
                    "version",
                    models.BigIntegerField(
                        default=django_sms_otp.models.new_version, verbose_name="version"
                    ),
                ),
                ("updated_at", models.DateTimeField(db_index=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "limits",
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
                (
                    "phone_number",
                    models.CharField(max_length=16, unique=True, verbose_name="phone number"),
                ),
                ("verified_at", models.DateTimeField(verbose_name="verified at")),
                ("is_primary", models.BooleanField(default=True, verbose_name="primary")),
                (
                    "user",
                    django_sms_otp.fields.UserForeignKey(
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
                    models.CharField(blank=True, max_length=64, verbose_name="context digest"),
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
                            ("pending", "pending"),
                            ("sent", "sent"),
                            ("delivered", "delivered"),
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
                ],
                "indexes": [
                    models.Index(
                        fields=["phone_number", "purpose", "-created_at"],
                        name="sms_otp_code_newest_idx",
                    ),
                    models.Index(
                        fields=["-created_at", "-id"], name="sms_otp_code_created_idx"
                    ),
                ],
            },
        ),
    ]
