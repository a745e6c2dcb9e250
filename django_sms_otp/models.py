"""Tables and queries. No policy and no I/O beyond the database: see ``services``."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from . import phone
from .fields import RequestIdField, UserForeignKey

__all__ = [
    "RECEIVED",
    "CodeState",
    "DeliveryState",
    "HourlyCount",
    "Limit",
    "OTPCode",
    "OTPCodeQuerySet",
    "VerifiedPhone",
]


class CodeState(models.TextChoices):
    """What has become of a code, as staff see it."""

    LIVE = "live", _("live")
    REDEEMED = "redeemed", _("redeemed")
    EXPIRED = "expired", _("expired")
    SUPERSEDED = "superseded", _("superseded")
    LOCKED = "locked", _("locked")
    DELIVERY_FAILED = "delivery_failed", _("delivery failed")


class DeliveryState(models.TextChoices):
    """How far a message has come.

    Who is about to call the gateway claims the message first, and from then on until there is
    an answer it is unknown whether the message left: so a process that is killed in between
    leaves behind what is true.
    """

    PENDING = "pending", _("waiting to be sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    UNDELIVERED = "undelivered", _("not delivered")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    WITHHELD = "withheld", _("withheld")


RECEIVED = (DeliveryState.DELIVERED, DeliveryState.UNDELIVERED)
"""What only a receipt tells, and nothing changes any more."""


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
        # What is written with a new code, in bytes of PostgreSQL's log: its row 307, the
        # primary key 108, the two indexes below 142 and 114, the user's 81. What becomes of a
        # message changes none of their columns, and so writes no index (a "heap-only" update);
        # a login sets the user, and writes all four anew.
        #
        # The primary key: guesses and resends by a request's id, workers, receipts, and every
        # write of a row that was read.
        # The user's, which Django makes: when a user is deleted. Without it that would read
        # the whole table.
        # None by state, message_id or expires_at: a number's few rows are found by its number,
        # receipts name the request, and what has expired the purge finds by its age.
        indexes = [
            # The number's codes of a purpose that have not expired, read along with its limits
            # by every request and guess: by their time, so that those which have expired are
            # not looked at, however many there are. The search of the admin; what did not
            # arrive, for a failover.
            models.Index(
                fields=["phone_number", "purpose", "-expires_at"],
                name="sms_otp_code_live_idx",
            ),
            # The list of the admin and its dates, in its very order; the roll-up; the purge.
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
    phone_number = models.CharField(_("phone number"), max_length=16)
    verified_at = models.DateTimeField(_("verified at"))
    is_primary = models.BooleanField(_("primary"), default=True)

    class Meta:
        verbose_name = _("verified phone number")
        verbose_name_plural = _("verified phone numbers")
        # The user's index is for the deletion of users, and for sites that ask whose numbers a
        # user has.
        constraints = [
            # The look-up of every login. Not unique=True on the field, for which Django makes a
            # second index on PostgreSQL, for prefixes, which nothing may search by.
            models.UniqueConstraint(fields=["phone_number"], name="sms_otp_verified_phone_key")
        ]

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
        # The primary key: every request and guess. Django adds one for prefixes of it on
        # PostgreSQL, by which the admin finds addresses, countries and circuits.
        indexes = [
            # The purge: the oldest of those that it may delete. The list of the admin, in its
            # very order. It costs every request an entry in all three, twice with an address,
            # since updated_at changes: 74 bytes of PostgreSQL's log for this one, of 536.
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
        # Only the first refusal of an hour and region makes a row and writes these.
        indexes = [
            # The purge, the admin's newest first, and the last day above them.
            models.Index(fields=["hour"], name="sms_otp_hourly_count_hour_idx"),
        ]
        constraints = [
            # The row to count in; and, in this order, the busiest day of a country, which the
            # budget of unverified numbers asks for with every request.
            models.UniqueConstraint(
                fields=["event", "region", "hour"], name="sms_otp_hourly_count_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M} {self.region} {self.event}"
