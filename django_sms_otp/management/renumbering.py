"""Gives stored numbers the text by which their lines are known now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..auth.phone_fields import read_stored_number
from ..auth.stored_numbers import StoredNumbers
from ..db import database_alias, lock_rows
from ..exceptions import PhoneNumberError
from ..limits.keys import NUMBER
from ..limits.number import NumberState
from ..models import Limit, OTPCode
from ..phone import mask
from .csv_files import rows_of

__all__ = ["RULES", "Change", "Conflict", "Renumbering", "as_read", "by_csv", "by_rule"]

PUNCTUATION = re.compile(r"[\s().-]")

RULES: Mapping[str, Mapping[str, str]] = {
    # Since 30 November 2024 (ARCEP Benin).
    "BJ": {r"\+229(\d{8})": r"+22901\1"},
    # The ninth digit of mobile numbers, 2012 to 2016 (Anatel).
    "BR": {r"\+55([1-9]{2})([6-9]\d{7})": r"+55\g<1>9\2"},
    # Mobile numbers since 31 January 2021 (ARTCI): Moov, MTN and Orange by the second digit.
    "CI": {
        r"\+225([04-9][0-3]\d{6})": r"+22501\1",
        r"\+225([04-9][4-6]\d{6})": r"+22505\1",
        r"\+225([04-9][7-9]\d{6})": r"+22507\1",
    },
}
"""Renumberings by region: texts of old numbers, and their new ones."""

Change = Callable[[Any], str | None]
"""Returns the new text of a stored value, or ``None`` if it is not concerned."""


def as_read(default_region: str | None) -> Change:
    """Write each number as the app reads it."""
    return lambda value: read_stored_number(value, default_region).e164


def by_rule(region: str) -> Change:
    """Follow the renumbering of a country."""
    rules = {re.compile(old): new for old, new in RULES[region].items()}

    def change(value: Any) -> str | None:
        text = PUNCTUATION.sub("", str(getattr(value, "as_e164", value)))
        matches = (old.fullmatch(text) for old in rules)
        found = (m.expand(new) for m, new in zip(matches, rules.values(), strict=True) if m)
        return next(found, None)

    return change


def by_csv(path: Path) -> Change:
    """Follow the columns ``old`` and ``new`` of a UTF-8 file.

    :raises ValueError: a number has several new ones; or see :func:`.csv_files.rows_of`.
    """
    found: dict[str, str] = {}
    for old, new in rows_of(path, "old", "new"):
        if found.setdefault(old.strip(), new.strip()) != new.strip():
            raise ValueError(f"{path} has several new numbers for {mask(old.strip())}")
    return lambda value: found.get(str(getattr(value, "as_e164", value)))


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that keeps its number. The numbers are masked, and ``reason`` is a stable word."""

    key: Any
    old: str
    new: str
    reason: str


@dataclass(slots=True)
class Renumbering:
    """The rows that change, and those that cannot.

    :ivar wanted: the stored value and the new number of each row, by the row's key, in an order
        in which each new number is free.
    """

    stored: StoredNumbers
    wanted: dict[Any, tuple[Any, str]] = field(default_factory=dict)
    unchanged: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    def plan(self, change: Change) -> None:
        """Find what changes, without a write."""
        for key, value in self.stored.values():
            new = ""
            try:
                new = change(value) or ""
                number = read_stored_number(new).e164 if new else None
            except PhoneNumberError as error:
                self._refuse(key, value, new, error.code)
                continue
            if number == getattr(value, "as_e164", value):
                self.unchanged += 1
            elif number is not None:
                self.wanted[key] = (value, number)
        self._refuse_shared()
        self._order()

    def apply(self) -> None:
        """Change all rows in one transaction.

        :raises IntegrityError: another process has taken a number.
        :raises LookupError: another process has changed a row.
        """
        codes = database_alias()
        with ExitStack() as stack:
            for alias in sorted({codes, self.stored.rows.db}):
                stack.enter_context(transaction.atomic(alias))
            for key, (value, number) in self.wanted.items():
                _follow(str(getattr(value, "as_e164", value)), number, codes)
                if not self.stored.replace(key, value, number):
                    raise LookupError(key)

    def _refuse_shared(self) -> None:
        """Refuse a number that several rows would get."""
        claims = Counter(number for _, number in self.wanted.values())
        for key, (value, number) in [*self.wanted.items()]:
            if claims[number] > 1:
                self._drop(key, value, number, "shared_by_several_rows")

    def _order(self) -> None:
        """Put a row behind the one that holds its new number, and refuse what is not free."""
        holders = self.stored.holders([number for _, number in self.wanted.values()])
        ordered: dict[Any, tuple[Any, str]] = {}
        while ready := {
            key: each
            for key, each in self.wanted.items()
            if key not in ordered and holders.get(each[1], key) in {key, *ordered}
        }:
            ordered |= ready
        for key, (value, number) in [*self.wanted.items()]:
            if key not in ordered:
                is_own = self.stored.same_user(key, holders[number])
                reason = "taken_by_the_same_user" if is_own else "taken_by_another_user"
                self._drop(key, value, number, reason)
        self.wanted = ordered

    def _drop(self, key: Any, value: Any, number: str, reason: str) -> None:
        del self.wanted[key]
        self._refuse(key, value, number, reason)

    def _refuse(self, key: Any, value: Any, number: str, reason: str) -> None:
        old = mask(str(getattr(value, "as_e164", value)))
        self.conflicts.append(Conflict(key, old, mask(number) if number else "", reason))


def _follow(old: str, new: str, alias: str) -> None:
    """Let the wrong guesses of a number follow it, and end its codes.

    A new number with a clean slate would lift a lockout. A code of the old number would open a
    second account.
    """
    limits = Limit.objects.using(alias).filter(kind=NUMBER)
    newer = next(iter(lock_rows(limits.filter(subject=new))), None)
    older = next(iter(lock_rows(limits.filter(subject=old))), None)
    if older and newer:
        # Somebody has used the new number before it was written down here.
        _merge(older, newer, alias)
    elif older:
        limits.filter(subject=old).update(subject=new, version=F("version") + 1)
    OTPCode.objects.using(alias).filter(phone_number=old).end(timezone.now())


def _merge(older: Limit, newer: Limit, alias: str) -> None:
    state = NumberState.from_json(newer.state)
    earlier = NumberState.from_json(older.state)
    guesses = earlier.guesses.merged_with(state.guesses)
    state = replace(state, guesses=guesses, rule=state.rule or earlier.rule)
    newer.state, newer.is_kept = state.to_json(), state.must_stay(timezone.now())
    newer.version += 1
    newer.save(using=alias)
    older.delete(using=alias)
