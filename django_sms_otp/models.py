"""Tables and queries. The policy is in ``controls`` and ``services``."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from . import phone
from .fields import RequestIdField, UserForeignKey, UTCDateTimeField
from .limits import keys
from .limits.keys import LimitKey

__all__ = [
    "RECEIVED",
    "TEST_NUMBER",
    "CodeState",
    "DeliveryState",
    "HourlyCount",
    "Limit",
    "LimitKind",
    "OTPCode",
    "OTPCodeQuerySet",
    "VerifiedPhone",
]


class CodeState(models.TextChoices):
    """The state of a code, as staff see it."""

    LIVE = "live", _("live")
    REDEEMED = "redeemed", _("redeemed")
    EXPIRED = "expired", _("expired")
    SUPERSEDED = "superseded", _("superseded")
    LOCKED = "locked", _("locked")
    DELIVERY_FAILED = "delivery_failed", _("delivery failed")


class DeliveryState(models.TextChoices):
    """The state of a message.

    A process claims a message before it calls the gateway. The state is ``unknown`` from then
    until the gateway answers. So the state is right even if the process is killed in between.
    """

    PENDING = "pending", _("waiting to be sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    UNDELIVERED = "undelivered", _("not delivered")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    WITHHELD = "withheld", _("withheld")


TEST_NUMBER = "test_number"
"""What withholds the message of a number in ``TEST_NUMBERS``. Its code can be redeemed."""

RECEIVED = (DeliveryState.DELIVERED, DeliveryState.UNDELIVERED)
"""The final states. Only a receipt sets them."""


def new_request_id() -> uuid.UUID:
    """Return 128 random bits (ASVS 11.5.1). ``uuid4`` fixes six of them."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


def new_seed() -> str:
    """Return 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


class OTPCodeQuerySet(models.QuerySet["OTPCode"]):
    def live(self, now: datetime) -> OTPCodeQuerySet:
        """Return the codes that are not redeemed, superseded or expired."""
        return self.filter(redeemed_at=None, superseded_at=None, expires_at__gt=now)

    def end(self, now: datetime) -> int:
        """Supersede those that are live. Return how many that were."""
        return self.live(now).update(superseded_at=now)

    def with_state(
        self, now: datetime, max_attempts: int, *, by_purpose: Mapping[str, int]
    ) -> OTPCodeQuerySet:
        """Annotate ``state``, a value of :class:`CodeState`.

        :param max_attempts: the wrong guesses that a code takes.
        :param by_purpose: the same for purposes that differ.
        """
        most = Case(
            *(When(purpose=name, then=Value(count)) for name, count in by_purpose.items()),
            default=Value(max_attempts),
            output_field=models.IntegerField(),
        )
        return self.annotate(
            state=Case(
                When(redeemed_at__isnull=False, then=Value(CodeState.REDEEMED)),
                When(superseded_at__isnull=False, then=Value(CodeState.SUPERSEDED)),
                When(
                    delivery_state=DeliveryState.FAILED, then=Value(CodeState.DELIVERY_FAILED)
                ),
                When(failed_attempts__gte=most, then=Value(CodeState.LOCKED)),
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
    context = models.TextField(_("context"), blank=True, default="")
    seed = models.CharField(_("seed"), max_length=32, default=new_seed)
    key_id = models.CharField(_("key fingerprint"), max_length=16)
    code_length = models.PositiveSmallIntegerField(_("code length"))
    created_at = UTCDateTimeField(_("created at"))
    expires_at = UTCDateTimeField(_("expires at"))
    send_count = models.PositiveSmallIntegerField(_("sends"), default=1)
    failed_attempts = models.PositiveSmallIntegerField(_("failed attempts"), default=0)
    redeemed_at = UTCDateTimeField(_("redeemed at"), null=True, blank=True)
    superseded_at = UTCDateTimeField(_("superseded at"), null=True, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=16, default="sms")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
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
        _("not delivered by"), max_length=64, blank=True, default=""
    )
    counted_at = UTCDateTimeField(_("counted at"), null=True, blank=True)
    claimed_at = UTCDateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = UTCDateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = UTCDateTimeField(_("delivered at"), null=True, blank=True)
    withheld_by = models.CharField(_("withheld by"), max_length=16, blank=True, default="")
    exempt = models.BooleanField(_("exempt from fraud controls"), default=False)
    recorded = models.CharField(_("only recorded"), max_length=128, blank=True, default="")

    objects = OTPCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued code")
        verbose_name_plural = _("issued codes")
        # The result of a delivery changes no indexed column, so PostgreSQL then updates no
        # index.
        #
        # The primary key serves guesses and resends by a request's id, workers, receipts and
        # every write of a row that was read. Django's index of the user serves the deletion
        # of a user, which would scan the whole table without it. The state, message_id and
        # expires_at need no index: a number has few rows, receipts name the request, and the
        # purge finds expired rows by their age.
        indexes = [
            # Every request and guess reads a number's unexpired codes with its limits. The time
            # is last, so that no expired code is read. The admin's search and a failover that
            # looks for undelivered messages use this index too.
            models.Index(
                fields=["phone_number", "purpose", "-expires_at"],
                name="sms_otp_code_live_idx",
            ),
            # The admin's list and its dates, in this order; the roll-up; the purge.
            models.Index(fields=["-created_at", "-id"], name="sms_otp_code_created_idx"),
        ]
        permissions = [
            ("view_whole_phone_number", "Can see whole phone numbers"),
            ("invalidate_otpcode", "Can invalidate issued codes"),
            ("send_otpcode", "Can send live codes again"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {phone.mask(self.phone_number)}"

    @property
    def short_id(self) -> str:
        """Names the code in its number's row, among the few codes of the number."""
        return str(self.pk.hex)[:8]

    @property
    def is_withheld(self) -> bool:
        """Whether no message with this code was sent. A right guess then counts as wrong."""
        return self.sent_at is None and bool(self.withheld_by) and not self.is_test

    @property
    def is_test(self) -> bool:
        """Whether this is the fixed code of a test number: see ``TEST_NUMBERS``."""
        return self.withheld_by == TEST_NUMBER

    @property
    def number(self) -> phone.PhoneNumber:
        return phone.PhoneNumber(e164=self.phone_number, region=self.region)

    def is_worth_sending(self, now: datetime) -> bool:
        """Return whether at least a third of the code's life is left to type it in."""
        left: timedelta = self.expires_at - now
        lifetime: timedelta = self.expires_at - self.created_at
        return left * 3 >= lifetime

    def is_live(self, now: datetime) -> bool:
        """Return the same as :meth:`OTPCodeQuerySet.live` for a row that was read."""
        return self.redeemed_at is None and self.superseded_at is None and self.expires_at > now


class VerifiedPhone(models.Model):
    """A number that a user has proven to hold. One number opens one account.

    ``is_primary`` is true or null, never false. So a unique index allows a user one primary
    number and any number of others. MariaDB has no conditional index.
    """

    user = UserForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="verified_phones",
        # The index of the constraint below begins with the user.
        db_index=False,
    )
    phone_number = models.CharField(_("phone number"), max_length=16)
    verified_at = UTCDateTimeField(_("verified at"))
    last_used_at = UTCDateTimeField(_("last used at"), null=True, blank=True)
    is_primary = models.BooleanField(_("primary"), null=True, default=True)
    # Only such an account can be logged in to by a fixed code: any other is a person's.
    is_test = models.BooleanField(_("of a test number"), default=False)

    class Meta:
        verbose_name = _("verified phone number")
        verbose_name_plural = _("verified phone numbers")
        constraints = [
            # The look-up of every login. With unique=True on the field, Django would add a
            # second index for prefixes on PostgreSQL. Nothing searches by prefixes.
            models.UniqueConstraint(fields=["phone_number"], name="sms_otp_verified_phone_key"),
            models.UniqueConstraint(
                fields=["user", "is_primary"], name="sms_otp_verified_phone_primary_key"
            ),
            models.CheckConstraint(
                condition=models.Q(is_primary=True) | models.Q(is_primary=None),
                name="sms_otp_verified_phone_primary_check",
            ),
        ]

    def __str__(self) -> str:
        return phone.mask(self.phone_number)


class LimitKind(models.TextChoices):
    """The kinds of things that limits count against."""

    NUMBER = keys.NUMBER, _("phone number")
    IP = keys.IP, _("IP address")
    FAILURES_IP = keys.FAILURES_IP, _("wrong guesses from an IP address")
    PREFIX = keys.PREFIX, _("prefix")
    COUNTRY = keys.COUNTRY, _("country")
    SITE = keys.SITE, _("site")
    LOOKUP = keys.LOOKUP, _("look-ups")
    CIRCUIT = keys.CIRCUIT, _("circuit of a backend")


class Limit(models.Model):
    """Counts against a number, an IP address, a prefix, a country, the site or a backend.

    A number's row is the lock of every change to the number. A change of ``state`` increments
    ``version``, on the condition that it is still the one that was read. ``uses`` counts the
    messages of the current grain (see :mod:`~.limits.shared`). It grows without a new version,
    so that requests that share a row do not repeat each other's work.

    A purge keeps a row that ``is_kept``: it lifts no lockout, and no block by staff.
    ``refusals`` are notes for staff (see :mod:`~.limits.refusals`): no decision reads them.
    """

    kind = models.CharField(_("kind"), max_length=16, choices=LimitKind.choices)
    subject = models.CharField(_("subject"), max_length=64, blank=True)
    state = models.JSONField(_("state"), default=dict)
    uses = models.PositiveIntegerField(_("uses"), default=0)
    version = models.BigIntegerField(_("version"), default=0)
    updated_at = UTCDateTimeField(_("updated at"))
    is_kept = models.BooleanField(_("exempt from the purge"), default=False)
    refusals = models.JSONField(_("refusals"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        indexes = [
            # The purge: the oldest of the rows that it may delete. The admin's list, in this
            # order.
            models.Index(fields=["is_kept", "updated_at"], name="sms_otp_limit_purge_idx"),
        ]
        constraints = [
            # Every request and guess. The kind is first, so that the admin quickly finds the
            # few rows of a kind among a million numbers.
            models.UniqueConstraint(fields=["kind", "subject"], name="sms_otp_limit_key"),
        ]
        permissions = [
            ("unlock_limit", "Can lift limits and lockouts"),
            ("block_number", "Can block and allow phone numbers"),
            ("erase_number", "Can erase what is kept about a phone number"),
        ]

    def __str__(self) -> str:
        match self.kind:
            case LimitKind.NUMBER:
                return phone.mask(self.subject)
            case LimitKind.PREFIX:
                return f"{self.kind}:{phone.mask_prefix(self.subject)}"
        return str(self.key)

    @property
    def key(self) -> LimitKey:
        return LimitKey(self.kind, self.subject)

    @property
    def is_number(self) -> bool:
        return self.kind == LimitKind.NUMBER


class HourlyCount(models.Model):
    """The number of events of a kind in an hour, region and backend.

    Refusals are counted as they happen. So an attack makes one row an hour, and not a row for
    each request. The roll-up counts the results of codes.

    :param event: ``sent``, ``redeemed`` or another of :mod:`~.stats.rollup`, or ``refused:``
        and the control.
    :param backend: the alias; empty for what happens before a backend has the message.
    """

    hour = UTCDateTimeField(_("hour"))
    region = models.CharField(_("region"), max_length=3, blank=True)
    backend = models.CharField(_("backend"), max_length=64, blank=True, default="")
    event = models.CharField(_("event"), max_length=32)
    count = models.PositiveBigIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        # Only the first refusal of an hour and region makes a row and writes these.
        indexes = [
            # The purge, the admin's list with the newest first, and the span of its dashboard.
            models.Index(fields=["hour"], name="sms_otp_hourly_count_hour_idx"),
        ]
        constraints = [
            # The row to count in. In this order also the busiest day of a country: the budget
            # of unverified numbers reads it with every request.
            models.UniqueConstraint(
                fields=["event", "region", "hour", "backend"],
                name="sms_otp_hourly_count_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M} {self.region} {self.event}"
