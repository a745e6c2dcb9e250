"""Reads what is kept about a number, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.functional import cached_property

from ... import phone
from ...auth.linked_numbers import RowNumbers
from ...auth.users import get_user_resolver, is_shown
from ...conf import backend_aliases
from ...controls.callers import Caller
from ...controls.quotas import shared_key
from ...exceptions import LoginRefused, PhoneNumberError
from ...limits.keys import CIRCUIT, NUMBER, LimitKey
from ...limits.number import NumberState
from ...limits.refusals import Refusals
from ...models import Limit, LimitKind, OTPCode, VerifiedPhone
from ..status import status_of
from ..status.number import NumberStatus

__all__ = ["HIDDEN", "SEVERAL", "Story", "gather"]

MOST_CODES = 100
MOST_ENTRIES = 50
MOST_NUMBERS = 20

HIDDEN, SEVERAL = "hidden", "several"
"""The site hides the account of a number, or several accounts have it."""

SHARED = ("prefix", "country", "site")


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is kept about a number. Lists begin with the newest.

    :param codes: its newest codes, without their seeds.
    :param is_cut: whether it has more codes than these.
    :param limit: the row of its limits.
    :param verified: its verified row.
    :param user: whom it would log in.
    :param closed: why nobody can log in by it although somebody has it: ``HIDDEN``,
        ``SEVERAL``, or empty.
    :param others: the other verified numbers of this user.
    :param shared: the rows of limits that it shares with others, and of circuits.
    :param entries: what staff did to these rows.
    :param found_by: the code that the story was found by; ``None`` if it was found otherwise.
    """

    number: phone.PhoneNumber
    now: datetime
    codes: Sequence[OTPCode]
    is_cut: bool
    limit: Limit | None
    verified: VerifiedPhone | None
    user: Any
    closed: str
    others: Sequence[VerifiedPhone]
    shared: Sequence[Limit]
    entries: Sequence[LogEntry]
    found_by: OTPCode | None = None

    @cached_property
    def status(self) -> NumberStatus:
        row = self.limit or Limit(
            kind=NUMBER, subject=self.number.e164, updated_at=self.now, state={}
        )
        found = status_of(row)
        if not isinstance(found, NumberStatus):
            raise TypeError("A number's row has the status of a number.")
        return found

    @property
    def state(self) -> NumberState:
        return self.status.state

    @property
    def refusals(self) -> Refusals:
        return self.status.refusals

    @property
    def newest(self) -> OTPCode | None:
        return self.codes[0] if self.codes else None


def gather(e164: str, *, found_by: str = "") -> Story:
    """:param found_by: the id of the request that the story was found by."""
    number = _read(e164)
    now = timezone.now()
    newest = OTPCode.objects.filter(phone_number=e164).defer("seed").order_by("-created_at")
    codes = [*newest[: MOST_CODES + 1]]
    limit = Limit.objects.filter(kind=LimitKind.NUMBER, subject=e164).first()
    verified = VerifiedPhone.objects.filter(phone_number=e164).first()
    user, closed = _user_of(number, verified)
    others = _other_numbers(user, e164)
    rows: list[Model | None] = [*codes, limit, verified]
    return Story(
        number=number,
        now=now,
        codes=codes[:MOST_CODES],
        is_cut=len(codes) > MOST_CODES,
        limit=limit,
        verified=verified,
        user=user,
        closed=closed,
        others=others,
        shared=_shared_rows(number),
        entries=_entries([row for row in rows if row is not None]),
        found_by=next((code for code in codes if str(code.pk) == found_by), None),
    )


def _read(e164: str) -> phone.PhoneNumber:
    """Read a stored number, which its country may have given up meanwhile."""
    try:
        return phone.read_any(e164)
    except PhoneNumberError as error:
        return phone.PhoneNumber(e164=e164, region=error.region)


def _user_of(number: phone.PhoneNumber, verified: VerifiedPhone | None) -> tuple[Any, str]:
    """Return the user of a number, and why it is closed."""
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(number)
    except LoginRefused:
        return None, SEVERAL
    if user is not None:
        return user, "" if is_shown(user) else HIDDEN
    if isinstance(resolver, RowNumbers):
        is_held = verified is not None
    else:
        is_held = resolver.holder_of(number) is not None
    return None, HIDDEN if is_held else ""


def _other_numbers(user: Any, e164: str) -> list[VerifiedPhone]:
    if user is None:
        return []
    rows = VerifiedPhone.objects.filter(user_id=user.pk).exclude(phone_number=e164)
    return [*rows.order_by("verified_at")[:MOST_NUMBERS]]


def _shared_rows(number: phone.PhoneNumber) -> list[Limit]:
    keys = [shared_key(name, number, Caller()) for name in SHARED]
    keys += [LimitKey(CIRCUIT, alias) for alias in backend_aliases()]
    wanted = Q()
    for key in keys:
        if key is not None:
            wanted |= Q(kind=key.kind, subject=key.subject)
    return [*Limit.objects.filter(wanted)]


def _entries(rows: Sequence[Model]) -> list[LogEntry]:
    """Return what staff did to rows."""
    if not rows:
        return []
    types = ContentType.objects.get_for_models(OTPCode, Limit, VerifiedPhone)
    wanted = Q()
    for model, content_type in types.items():
        keys = [str(row.pk) for row in rows if isinstance(row, model)]
        wanted |= Q(content_type=content_type, object_id__in=keys)
    found = LogEntry.objects.filter(wanted).select_related("user").order_by("-action_time")
    return [*found[:MOST_ENTRIES]]
