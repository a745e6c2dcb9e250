"""What staff have decided about a number, until a time or for good. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Self

__all__ = ["ALLOWED", "BLOCKED", "StaffRule"]

BLOCKED, ALLOWED = "blocked", "allowed"
"""No message with a code goes to the number; or the fraud controls let it pass."""


@dataclass(frozen=True, slots=True)
class StaffRule:
    """A number is blocked or allowed. Times are in seconds since the epoch.

    :param kind: ``blocked`` or ``allowed``.
    :param since: when staff decided so.
    :param until: its end; ``None`` if it has none.
    """

    kind: str
    since: float
    until: float | None = None

    @classmethod
    def from_json(cls, data: Sequence[Any] | None) -> Self | None:
        return cls(*data) if data else None

    def to_json(self) -> list[Any]:
        return list(astuple(self))

    def holds(self, now: datetime) -> bool:
        return self.until is None or self.until > now.timestamp()
