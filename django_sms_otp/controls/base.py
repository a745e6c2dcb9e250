"""The base class of the groups of controls, and the values that they work with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.functional import cached_property

from ..auth.users import get_user_resolver
from ..conf import Settings
from ..db import NumberRow
from ..limits.keys import LimitKey
from ..limits.shared import SharedCounters
from ..limits.staff_rules import ALLOWED
from .breakers import Trip
from .callers import Caller
from .hooks import SendAttempt

__all__ = ["Controls", "Subject", "Tally", "Violation"]


class Subject:
    """The message that the controls judge.

    :param lifetime: the lifetime of its code.
    """

    def __init__(
        self, *, attempt: SendAttempt, caller: Caller, lifetime: timedelta, settings: Settings
    ) -> None:
        self.attempt = attempt
        self.caller = caller
        self.lifetime = lifetime
        self.settings = settings
        self.has_paid = False
        """Whether the limits of the caller's address have counted the request already."""

    def is_exempt(self, row: NumberRow) -> bool:
        """Whether the number passes the fraud controls, if the site has any on."""
        if not (self.settings.rates("prefix") or self.settings.budget or self.settings.breaker):
            return False
        return self.is_trusted(row)

    def is_trusted(self, row: NumberRow) -> bool:
        """Whether the number opens an account and its messages get redeemed, or staff say so.

        Ask only after the number's own limits let the message pass. A refused caller may
        repeat a request without end, and could measure how long the look-up takes.
        """
        # The look-up comes first: its time must not tell that messages were left unredeemed,
        # or that staff allowed the number.
        is_proven = self._opens_account and row.state.gets_redeemed
        return is_proven or self.is_allowed(row)

    def is_allowed(self, row: NumberRow) -> bool:
        """Whether staff let the number pass the fraud controls."""
        return row.state.has_rule(ALLOWED, row.now)

    @cached_property
    def _opens_account(self) -> bool:
        return get_user_resolver().is_verified(self.attempt.phone_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A control that speaks against the message.

    :param reason: the stable word of the API's answer.
    :param free_at: when the control will let the message pass; ``None`` if that is unknown.
    :param is_soft: whether the caller gets the same answer as for a message that was sent.
    """

    control: str
    reason: str
    free_at: datetime | None = None
    is_soft: bool = False


@dataclass(slots=True)
class Tally:
    """The counts that a message adds to the shared rows.

    :param counters: the new counters of each row.
    :param rooms: the most uses that the current grain of a row may hold.
    :param replaced: rows that are replaced as a whole, even if nothing has changed. So the
        statements are the same for every number, and their time does not tell whether the
        number has an account.
    """

    counters: dict[LimitKey, SharedCounters]
    rooms: dict[LimitKey, int] = field(default_factory=dict)
    replaced: set[LimitKey] = field(default_factory=set)


class Controls:
    """A group of controls over one message.

    A request *checks* the message against each group in order. Then it *commits*: each group
    counts the message in the transaction that writes the code. If the message does not go out
    after all, the request *rolls back*.

    A request that loses a race checks and commits again. A group that asks a store or a hook
    asks it once a request.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.settings = subject.settings
        self.number = subject.attempt.phone_number

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        """Return whether the site has any control of the group on."""
        return True

    def row_keys(self) -> Iterable[LimitKey]:
        """Return the keys of the shared rows that the group counts in.

        A verified number has the same keys as an unverified one.
        """
        return ()

    def watched_keys(self) -> Iterable[LimitKey]:
        """Return the keys of the shared rows that the group reads and does not change."""
        return ()

    def check(self, row: NumberRow) -> Sequence[Violation]:
        """Return the violations that speak against the message.

        A group that counts in a store reserves the use here.
        """
        raise NotImplementedError

    def trips(self, row: NumberRow) -> Iterable[Trip]:
        """Return the breakers to trip."""
        return ()

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        """Count the message."""

    def roll_back(self) -> None:
        """Give back the uses that were reserved outside the database."""
