"""The kinds of numbers that no answer may tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, VerifiedPhone

from .factories import UserFactory

__all__ = ["KINDS", "SEEN", "UNKNOWN", "UNSEEN", "Kind", "create"]

LAST_SEEN = timedelta(days=3)
"""Ago: no cooldown and no quota counts it any more, and the purge has not come yet."""

TAGS = ("0123456789abcdef", "fedcba9876543210")
"""In a number's row: the network and the device of whoever asked or logged in then."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    :param account: fields of the user whom the number opens; ``None``: it opens nothing.
    :param seen: whether the number has a limits row, as after any request for a code.
    :param logged_in: whether a code was redeemed then.
    """

    name: str
    account: Mapping[str, bool] | None = None
    seen: bool = True
    logged_in: bool = False

    def __str__(self) -> str:
        return self.name


UNKNOWN = Kind(name="unknown")
SEEN = (
    UNKNOWN,
    Kind(name="active", account={}, logged_in=True),
    Kind(name="inactive", account={"is_active": False}, logged_in=True),
    Kind(name="staff", account={"is_staff": True}),
    Kind(name="superuser", account={"is_staff": True, "is_superuser": True}),
)
UNSEEN = (
    Kind(name="never_seen", seen=False),
    Kind(name="imported", account={}, seen=False),
)
KINDS = (*SEEN, *UNSEEN)


def create(kind: Kind, numbers: Sequence[str]) -> None:
    """Make the rows that numbers of a kind have: users, links, and what is left of the past."""
    if kind.account is not None:
        users = User.objects.bulk_create(UserFactory.build_batch(len(numbers), **kind.account))
        VerifiedPhone.objects.bulk_create(
            VerifiedPhone(user=user, phone_number=number, verified_at=timezone.now())
            for user, number in zip(users, numbers, strict=True)
        )
    if kind.seen:
        at = timezone.now() - LAST_SEEN
        state = _past(at, logged_in=kind.logged_in).to_json()
        Limit.objects.bulk_create(
            Limit(kind="number", subject=number, state=state, updated_at=at)
            for number in numbers
        )


def _past(at: datetime, *, logged_in: bool) -> NumberState:
    send = Send(at.timestamp(), "", *TAGS)
    asked = NumberState().with_send(send, memory=LAST_SEEN)
    return asked.after_success(at, TAGS) if logged_in else asked
