"""What every group of controls is, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.functional import cached_property

from ..auth.users import get_user_resolver
from ..conf import Settings
from ..db import NumberRow
from ..limits.keys import LimitKey
from ..limits.shared import UNLIMITED, SharedCounters
from .breakers import Trip
from .callers import Caller
from .hooks import SendAttempt

__all__ = ["Controls", "Subject", "Tally", "Violation"]


class Subject:
    """The message that the controls judge.

    :param lifetime: of its code.
    """

    def __init__(
        self, *, attempt: SendAttempt, caller: Caller, lifetime: timedelta, settings: Settings
    ) -> None:
        self.attempt = attempt
        self.caller = caller
        self.lifetime = lifetime
        self.settings = settings

    @cached_property
    def is_exempt(self) -> bool:
        """Whether the number opens an account, and so passes the fraud controls.

        Asked only if one of them is on, and only after the number's own limits let the message
        pass: a caller who is refused may ask without end, and could measure the look-up.
        """
        if not (self.settings.rates("prefix") or self.settings.budget or self.settings.breaker):
            return False
        return self.opens_account

    @cached_property
    def opens_account(self) -> bool:
        """Whether the number opens an account, whichever controls are on."""
        return get_user_resolver().is_verified(self.attempt.phone_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A control that would not let the message go.

    :param reason: the stable word that the API answers with.
    :param free_at: when the control would let it go; ``None``: nobody knows.
    :param is_soft: the answer is the same as if the message had been sent.
    """

    control: str
    reason: str
    free_at: datetime | None = None
    is_soft: bool = False


@dataclass(slots=True)
class Tally:
    """What a message adds to the shared rows.

    :param counters: the new counters of each row.
    :param rooms: how many uses the current grain of a row may hold.
    :param replaced: rows that are replaced as a whole, changed or not: the same statements for
        every number, so that the time they take does not tell who has an account.
    """

    counters: dict[LimitKey, SharedCounters]
    rooms: dict[LimitKey, int] = field(default_factory=dict)
    replaced: set[LimitKey] = field(default_factory=set)

    def room(self, key: LimitKey) -> int:
        return self.rooms.get(key, UNLIMITED)


class Controls:
    """A group of controls over one message.

    A request first *checks* the message against each group in order. Then it *commits*: each
    group counts the message in the transaction that writes the code. If the message does not
    go out after all, it *rolls back*. Several attempts may check and commit; what a group asks
    outside the database, it asks once.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.settings = subject.settings
        self.number = subject.attempt.phone_number

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        """Tell whether the site has any control of the group on."""
        return True

    def row_keys(self) -> Iterable[LimitKey]:
        """Return the keys of the shared rows that the group counts in: the same for every
        number, verified or not."""
        return ()

    def watched_keys(self) -> Iterable[LimitKey]:
        """Return the keys of the shared rows that the group only looks at."""
        return ()

    def check(self, row: NumberRow) -> Sequence[Violation]:
        """Return what speaks against the message.

        A group that counts in a store reserves the use here.
        """
        raise NotImplementedError

    def trips(self, row: NumberRow) -> Iterable[Trip]:
        """Return the breakers to trip."""
        return ()

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        """Count the message."""

    def roll_back(self) -> None:
        """Give back what was reserved outside the database."""
