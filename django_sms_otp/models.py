"""Tables and queries. No policy and no I/O beyond the database: see ``services``."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from . import phone

__all__ = ["CodeState", "DeliveryState", "Limit", "OTPCode", "VerifiedPhone"]


def new_request_id() -> uuid.UUID:
    """Return 128 random bits (ASVS 11.5.1). ``uuid4`` fixes six of them."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


def new_seed() -> str:
    """Return 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def new_version() -> int:
    """Return a random first version of a limits row.

    A row may be purged and made anew between another request's read and its write; with a
    fixed first version that write would take the new row for the one it had read.
    """
    return secrets.randbits(62)


class RequestIdField(models.UUIDField):  # type: ignore[type-arg]  # no generic at run time
    """A UUID of 128 random bits on every database.

    MariaDB's own type refuses most of them: it insists on the version and variant bits of
    RFC 9562, which are not random. There the column is text, as on MySQL.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "char(32)" if connection.vendor == "mysql" else super().db_type(connection)

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002  (Django's signature)
    ) -> Any:
        value = self.to_python(value)
        if value is not None and connection.vendor == "mysql":
            return value.hex
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, *_args: object) -> Any:
        return self.to_python(value)


class CodeState(models.TextChoices):
    """What has become of a code, as staff see it."""

    LIVE = "live", _("live")
    REDEEMED = "redeemed", _("redeemed")
    EXPIRED = "expired", _("expired")
    SUPERSEDED = "superseded", _("superseded")
    LOCKED = "locked", _("locked")
    DELIVERY_FAILED = "delivery_failed", _("delivery failed")


class DeliveryState(models.TextChoices):
    """How far a message has come."""

    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    WITHHELD = "withheld", _("withheld")


class OTPCodeQuerySet(models.QuerySet["OTPCode"]):
    def newest(self, phone_number: str, purpose: str) -> OTPCode | None:
        """Return the one code that counts for a number and purpose, whatever its state.

        A filter on the state would bring an older code back to life.
        """
        codes = self.filter(phone_number=phone_number, purpose=purpose)
        return codes.order_by("-created_at", "-id").first()

    def live(self, now: datetime) -> OTPCodeQuerySet:
        """Codes that may still be redeemed, as far as the row itself tells."""
        return self.filter(redeemed_at=None, superseded_at=None, expires_at__gt=now)

    def with_state(self, now: datetime, max_attempts: int) -> OTPCodeQuerySet:
        """Annotate ``state``, a value of :class:`CodeState`."""
        return self.annotate(
            state=Case(
                When(redeemed_at__isnull=False, then=Value(CodeState.REDEEMED)),
                When(superseded_at__isnull=False, then=Value(CodeState.SUPERSEDED)),
                When(
                    delivery_state=DeliveryState.FAILED, then=Value(CodeState.DELIVERY_FAILED)
                ),
                When(failed_attempts__gte=max_attempts, then=Value(CodeState.LOCKED)),
                When(expires_at__lte=now, then=Value(CodeState.EXPIRED)),
                default=Value(CodeState.LIVE),
                output_field=models.CharField(),
            )
        )


class OTPCode(models.Model):
    """An issued code. Its digits are not here: see :mod:`django_sms_otp.codes`."""

    id = RequestIdField(
        _("request id"), primary_key=True, default=new_request_id, editable=False
    )
    phone_number = models.CharField(_("phone number"), max_length=16)
    region = models.CharField(_("region"), max_length=3)
    purpose = models.CharField(_("purpose"), max_length=32)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    context = models.CharField(_("context digest"), max_length=64, blank=True)
    seed = models.CharField(_("seed"), max_length=32, default=new_seed)
    key_id = models.CharField(_("key fingerprint"), max_length=16)
    code_length = models.PositiveSmallIntegerField(_("code length"))
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    send_count = models.PositiveSmallIntegerField(_("sends"), default=1)
    failed_attempts = models.PositiveSmallIntegerField(_("failed attempts"), default=0)
    redeemed_at = models.DateTimeField(_("redeemed at"), null=True, blank=True)
    superseded_at = models.DateTimeField(_("superseded at"), null=True, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=16, default="sms")
    backend = models.CharField(_("backend"), max_length=64)
    message_id = models.CharField(_("gateway message id"), max_length=128, blank=True)
    delivery_state = models.CharField(
        _("delivery"),
        max_length=16,
        choices=DeliveryState.choices,
        default=DeliveryState.PENDING,
    )
    delivery_error = models.CharField(_("delivery error"), max_length=64, blank=True)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    objects = OTPCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued code")
        verbose_name_plural = _("issued codes")
        indexes = [
            models.Index(
                fields=["phone_number", "purpose", "-created_at"],
                name="sms_otp_code_newest_idx",
            ),
            models.Index(fields=["-created_at", "-id"], name="sms_otp_code_created_idx"),
        ]
        permissions = [
            ("view_whole_phone_number", "Can see whole phone numbers"),
            ("invalidate_otpcode", "Can invalidate issued codes"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {phone.mask(self.phone_number)}"

    def is_live(self, now: datetime) -> bool:
        """The same as :meth:`OTPCodeQuerySet.live`, of a row already read."""
        return self.redeemed_at is None and self.superseded_at is None and self.expires_at > now


class VerifiedPhone(models.Model):
    """A number that a user has proven to hold. One number opens one account."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="verified_phones",
    )
    phone_number = models.CharField(_("phone number"), max_length=16, unique=True)
    verified_at = models.DateTimeField(_("verified at"))
    is_primary = models.BooleanField(_("primary"), default=True)

    class Meta:
        verbose_name = _("verified phone number")
        verbose_name_plural = _("verified phone numbers")

    def __str__(self) -> str:
        return phone.mask(self.phone_number)


class Limit(models.Model):
    """What is counted against a number. The row is the lock of all that changes for it.

    Whoever changes it writes ``version + 1`` where the version is still the one it has read.
    """

    key = models.CharField(_("key"), max_length=64, primary_key=True)
    state = models.JSONField(_("state"), default=dict)
    version = models.BigIntegerField(_("version"), default=new_version)
    updated_at = models.DateTimeField(_("updated at"), db_index=True)

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")

    def __str__(self) -> str:
        return phone.mask(self.key)
