"""When the next message may go to a number. Decisions in plain Python over a row's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["MEMORY", "NumberState"]

MEMORY = timedelta(days=1)
"""How long a send counts. A limits row must be kept at least as long."""

MOST_SENDS_KEPT = 50
"""Bounds the row where a site has no cooldown; schedules are far shorter."""


@dataclass(frozen=True, slots=True)
class NumberState:
    """What a number's row remembers.

    :param sends: times of the messages sent since the last success, within :data:`MEMORY`,
        oldest first, in seconds since the epoch.
    """

    sends: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any], now: datetime) -> NumberState:
        since = (now - MEMORY).timestamp()
        return cls(sends=tuple(sent for sent in data.get("sends", ()) if sent > since))

    def to_json(self) -> dict[str, Any]:
        return {"sends": list(self.sends)}

    def next_send_at(self, cooldown: Sequence[timedelta]) -> datetime | None:
        """Return when the next message may go out; ``None``: at any time.

        :param cooldown: the wait after the first message, after the second, and so on; the
            last one repeats.
        """
        if not self.sends or not cooldown:
            return None
        wait = cooldown[min(len(self.sends), len(cooldown)) - 1]
        return datetime.fromtimestamp(self.sends[-1], UTC) + wait

    def with_send(self, now: datetime) -> NumberState:
        return replace(self, sends=(*self.sends, now.timestamp())[-MOST_SENDS_KEPT:])

    def without_send(self, sent_at: datetime) -> NumberState:
        """Give back the cooldown of a message that was not sent."""
        refunded = sent_at.timestamp()
        return replace(self, sends=tuple(sent for sent in self.sends if sent != refunded))

    def after_success(self) -> NumberState:
        """Start the cooldown anew: whoever redeems codes is not the one it is for."""
        return NumberState()
