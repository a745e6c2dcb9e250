"""What happened to a number lately, for staff who ask why no code came. No I/O.

No decision reads it. It holds what no other row keeps: a code's row tells of its newest message
alone, and counts wrong guesses without their times. It names no address and holds no digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from .failures import KNOWN, STRANGERS

__all__ = ["ASKERS", "EarlierMessage", "Event", "Journal", "WrongGuess"]

MOST_EVENTS = 30
"""Bounds the size of a row: it is written with each request and guess."""

ASKERS = "askers"
"""Whoever asked for the code, or brings its ``request_id``."""


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """A message of a code that was sent again since.

    :param at: when it was counted, in seconds since the epoch.
    :param code: the short id of the code.
    :param state: its last ``delivery_state``.
    """

    at: float
    code: str
    channel: str
    backend: str
    state: str
    error: str = ""
    withheld_by: str = ""

    def to_json(self) -> list[Any]:
        told = [self.at, self.code, self.channel, self.backend, self.state]
        return [*told, self.error, self.withheld_by]


@dataclass(frozen=True, slots=True)
class WrongGuess:
    """A wrong guess at a code.

    :param at: in seconds since the epoch.
    :param code: the short id of the code.
    :param whose: ``strangers``, ``known`` callers or ``askers``.
    """

    at: float
    code: str
    whose: str

    def to_json(self) -> list[Any]:
        # Not astuple(), which calls dozens of functions: every wrong guess writes this.
        return [self.at, self.code, self.whose]

    @classmethod
    def of(cls, at: datetime, code: str, group: str) -> Self:
        """:param group: the group of callers that the guess counts for."""
        return cls(at.timestamp(), code, group if group in {STRANGERS, KNOWN} else ASKERS)


Event = EarlierMessage | WrongGuess

KINDS: dict[str, type[EarlierMessage | WrongGuess]] = {
    "message": EarlierMessage,
    "guess": WrongGuess,
}
NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Journal:
    """The newest events of a number.

    :param lines: each is the name of a kind and its values, oldest first. They are parsed only
        for staff: every request reads the row.
    """

    lines: tuple[Sequence[Any], ...] = ()

    def events(self) -> Iterator[Event]:
        for name, *values in self.lines:
            yield KINDS[name](*values)

    def with_one(self, event: Event) -> Journal:
        line = [NAMES[type(event)], *event.to_json()]
        return Journal((*self.lines, line)[-MOST_EVENTS:])

    def without_guess(self, code: str) -> Journal:
        """Forget the newest guess at a code, which was counted as wrong and is not."""
        for number in reversed(range(len(self.lines))):
            if [*self.lines[number]][:3:2] == ["guess", code]:
                return Journal((*self.lines[:number], *self.lines[number + 1 :]))
        return self
