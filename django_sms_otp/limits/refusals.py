"""The newest refused requests for a message to a number, for staff who ask why no code came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

    def with_one(self, refusal: Refusal, *, sent_at: float = 0) -> Refusals | None:
        """Add a refusal; ``None`` if it is told already. A flood then writes nothing.

        :param sent_at: when the newest message was counted. A refusal since then is news.
        """
        told = [entry for entry in self.entries if entry.at >= int(sent_at)]
        if any(refusal.repeats(entry) for entry in told):
            return None
        return Refusals((*self.entries, refusal)[-MOST_REFUSALS:])

    def lifted(self, controls: Collection[str], at: int) -> Refusals:
        """Let the refusals of these controls end: staff have lifted what they were for."""
        return Refusals(
            tuple(
                replace(entry, until=at)
                if entry.control in controls and entry.until and entry.until > at
                else entry
                for entry in self.entries
            )
        )
