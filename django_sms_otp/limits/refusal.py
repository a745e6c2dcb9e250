"""The last refused request for a message to a number, for staff who ask why no code came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["Refusal"]

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

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self | None:
        return cls(data["control"], data["at"], data["until"]) if data else None

    def to_json(self) -> dict[str, Any]:
        return {"control": self.control, "at": self.at, "until": self.until}

    def repeats(self, other: Refusal | None) -> bool:
        """Return whether ``other`` tells the same already. A flood then writes nothing."""
        if other is None or self.at - other.at >= SPAN:
            return False
        return (self.control, self.until) == (other.control, other.until)
