"""The newest refused requests for a message to a number, for staff who ask why no code came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Self

__all__ = ["Refusal", "Refusals"]

MOST_REFUSALS = 20
"""Bounds the size of a row."""

SPAN = 3600
"""Seconds in which a refusal that repeats is not written again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request. Times are whole seconds since the epoch.

    :param control: the control that refused it.
    :param until: when the control lets a message pass again; ``None`` if that is unknown.
    """

    control: str
    at: int
    until: int | None = None

    def repeats(self, other: Refusal) -> bool:
        is_same = (self.control, self.until) == (other.control, other.until)
        return is_same and self.at - other.at < SPAN


@dataclass(frozen=True, slots=True)
class Refusals:
    """The column ``refusals`` of a number's row.

    :param entries: the newest ones, oldest first.
    """

    entries: tuple[Refusal, ...] = ()

    @classmethod
    def from_json(cls, data: Sequence[Sequence[Any]] | None) -> Self:
        return cls(tuple(Refusal(*values) for values in data or ()))

    def to_json(self) -> list[list[Any]]:
        return [list(astuple(entry)) for entry in self.entries]

    @property
    def last(self) -> Refusal | None:
        return self.entries[-1] if self.entries else None

    def with_one(self, refusal: Refusal) -> Refusals | None:
        """Add a refusal; ``None`` if it is told already. A flood then writes nothing."""
        if any(refusal.repeats(entry) for entry in self.entries):
            return None
        return Refusals((*self.entries, refusal)[-MOST_REFUSALS:])

    def lifted(self) -> Refusals:
        """Forget until when they hold: the messages were given back."""
        return Refusals(tuple(replace(entry, until=None) for entry in self.entries))
