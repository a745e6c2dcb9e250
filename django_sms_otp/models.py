"""Tables and queries. No policy and no I/O beyond the database: see ``services``."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from . import phone
from .fields import RequestIdField, UserForeignKey
from .states import RECEIVED, CodeState, DeliveryState

__all__ = [
    "CodeState",
    "DeliveryState",
    "HourlyCount",
    "Limit",
    "OTPCode",
    "OTPCodeQuerySet",
    "VerifiedPhone",
]


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


WITHHELD = "withheld:"
"""Begins the reason of a code whose message was held back, before the control that did."""

VERIFIED = "verified"
"""Begins the reason of a code whose number was exempt from fraud controls."""

REASON_LENGTH = 64


class OTPCodeQuerySet(models.QuerySet["OTPCode"]):
    def live(self, now: datetime) -> OTPCodeQuerySet:
        """Codes that may still be redeemed, as far as the row itself tells."""
        return self.filter(redeemed_at=None, superseded_at=None, expires_at__gt=now)

    def record_delivery(
        self, otp_code: OTPCode, superseded: OTPCode | None, values: dict[str, Any]
    ) -> int:
        """Write what became of a message; and mark the code that it replaces, in the same
        statement. That one is dead already, being no longer the newest: the mark is for people.
        """
        # Of a message that was sent again meanwhile, the later one has the word.
        mine = Q(pk=otp_code.pk, claimed_at=otp_code.claimed_at)
        values = self._unless_received(values)
        if superseded is None or not superseded.is_live(otp_code.created_at):
            return self.filter(mine).update(**values)
        other = Q(pk=superseded.pk, redeemed_at=None, superseded_at=None)
        changes: dict[str, Any] = {
            name: Case(When(mine, then=self._of_column(name, value)), default=F(name))
            for name, value in values.items()
        }
        mark = When(other, then=self._of_column("superseded_at", otp_code.created_at))
        changes["superseded_at"] = Case(mark, default=F("superseded_at"))
        return self.filter(mine | other).update(**changes)

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

    def _unless_received(self, values: dict[str, Any]) -> dict[str, Any]:
        """Keep what a receipt has told of the same message, where it was faster than we are."""
        if "delivery_state" not in values:
            return values
        known = [*RECEIVED]
        if values["delivery_state"] == DeliveryState.UNKNOWN:
            known.append(DeliveryState.SENT)  # No answer came, but a receipt did.
        is_received = Q(delivery_state__in=known)
        if "message_id" in values:
            is_received &= Q(message_id__in=("", values["message_id"]))
        kept: dict[str, Any] = {
            name: Case(
                When(is_received, then=F(name)), default=self._of_column(name, values[name])
            )
            for name in ("delivery_state", "delivery_error")
            if name in values
        }
        # First: MySQL lets an assignment see those before it.
        return {**kept, **{name: value for name, value in values.items() if name not in kept}}

    def _of_column(self, name: str, value: Any) -> Case | Value:
        """Return a value that the database takes for one of its column's type."""
        if isinstance(value, Case):
            return value
        return Value(value, self.model._meta.get_field(name))  # type: ignore[arg-type]


class OTPCode(models.Model):
    """An issued code. Its digits are not here: see :mod:`django_sms_otp.codes`."""

    id = RequestIdField(
        _("request id"), primary_key=True, default=new_request_id, editable=False
    )
    phone_number = models.CharField(_("phone number"), max_length=16)
    region = models.CharField(_("region"), max_length=3)
    purpose = models.CharField(_("purpose"), max_length=32)
    user = UserForeignKey(
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
    language = models.CharField(
        _("language"), max_length=16, blank=True, default="", db_default=""
    )
    backend = models.CharField(_("backend"), max_length=64)
    message_id = models.CharField(_("gateway message id"), max_length=128, blank=True)
    delivery_state = models.CharField(
        _("delivery"),
        max_length=16,
        choices=DeliveryState.choices,
        default=DeliveryState.PENDING,
    )
    delivery_error = models.CharField(_("delivery error"), max_length=64, blank=True)
    undelivered_by = models.CharField(
        _("not delivered by"), max_length=64, blank=True, default="", db_default=""
    )
    counted_at = models.DateTimeField(_("counted at"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    reason = models.CharField(
        _("reason"), max_length=REASON_LENGTH, blank=True, default="", db_default=""
    )

    # No column and no constraint: a way to read a number's row and its codes in one statement.
    limit = models.ForeignObject(
        "Limit",
        on_delete=models.DO_NOTHING,
        from_fields=["phone_number"],
        to_fields=["key"],
        related_name="codes",
        null=True,
        editable=False,
    )

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

    @property
    def is_to_be_withheld(self) -> bool:
        """Whether the latest message must not go out."""
        return self.reason.startswith(WITHHELD)

    @property
    def withheld_by(self) -> str:
        """What holds the latest message back; empty: nothing does."""
        return self.reason.removeprefix(WITHHELD) if self.is_to_be_withheld else ""

    @property
    def is_withheld(self) -> bool:
        """Whether nobody has been sent this code: who types it has guessed it."""
        return self.sent_at is None and self.is_to_be_withheld

    def is_worth_sending(self, now: datetime) -> bool:
        """Whether a third of its life, at least, is left to type it in."""
        lifetime = self.expires_at - self.created_at
        return (self.expires_at - now) * 3 >= lifetime

    def is_live(self, now: datetime) -> bool:
        """The same as :meth:`OTPCodeQuerySet.live`, of a row already read."""
        return self.redeemed_at is None and self.superseded_at is None and self.expires_at > now


class VerifiedPhone(models.Model):
    """A number that a user has proven to hold. One number opens one account."""

    user = UserForeignKey(
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
    """What is counted against a number, an IP address, a prefix, a country, the site or a
    backend.

    The key is the number in E.164, or "ip:", "prefix:" or "country:" and what it is of, or
    "site", or "circuit:" and the backend's alias. A number's row is the lock of all that
    changes for the number. Whoever changes a row writes ``version + 1`` where the version is
    still the one it has read.

    ``held`` rows outlive every purge: a purge lifts no lockout.
    """

    key = models.CharField(_("key"), max_length=64, primary_key=True)
    state = models.JSONField(_("state"), default=dict)
    version = models.BigIntegerField(_("version"), default=new_version)
    updated_at = models.DateTimeField(_("updated at"))
    held = models.BooleanField(_("held"), default=False, db_default=False)

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        indexes = [
            # The purge: the oldest of those that it may delete.
            models.Index(fields=["held", "updated_at"], name="sms_otp_limit_purge_idx"),
        ]
        permissions = [("unlock_limit", "Can lift limits and lockouts")]

    def __str__(self) -> str:
        return phone.mask(self.key) if self.is_number else self.key

    @property
    def is_number(self) -> bool:
        """Whether this is a phone number's row."""
        return self.key.startswith("+")


class HourlyCount(models.Model):
    """How often something happened in an hour in a region.

    Written for refusals as they happen, so that an attack makes one row an hour and not one a
    request; and for what became of codes by the roll-up.

    :param event: ``sent``, ``delivered``, ``redeemed``, or ``refused:`` and the control.
    """

    hour = models.DateTimeField(_("hour"))
    region = models.CharField(_("region"), max_length=3, blank=True)
    event = models.CharField(_("event"), max_length=32)
    count = models.PositiveBigIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        indexes = [
            # The purge, and the admin's newest first.
            models.Index(fields=["hour"], name="sms_otp_hourly_count_hour_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "region", "hour"], name="sms_otp_hourly_count_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M} {self.region} {self.event}"
