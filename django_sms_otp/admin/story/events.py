"""One event of a story, and what every kind of event has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ...models import OTPCode

__all__ = ["BAD", "GOOD", "PLAIN", "STAFF", "WAITING", "Event", "at_time"]

GOOD, BAD, WAITING, STAFF, PLAIN = "good", "bad", "waiting", "staff", "plain"
"""The tones of events: ``admin.css`` has a colour for each."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the timeline.

    :param lines: what else is known, as sentences.
    :param code: the code that it is about.
    :param anchor: its name in an address.
    """

    at: datetime
    title: str
    tone: str = PLAIN
    lines: Sequence[str] = ()
    code: OTPCode | None = None
    anchor: str = ""

    def about(self, code: OTPCode) -> Event:
        return replace(self, code=code)


def at_time(seconds: float) -> datetime:
    """Return the time of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
