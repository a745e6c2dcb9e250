"""The messages of a number: when the next one may go, and how many went. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from .failures import MOST_KEPT
from .rates import Rate, free_at

__all__ = ["SEND_MEMORY", "Messages", "Send"]

SEND_MEMORY = timedelta(days=1)
"""How long a send counts for the cooldown. A purge keeps a limits row at least this long."""

MOST_NOTICES = 10
"""Notices that a number gets in a day. A person changes their numbers once in a while."""

MOST_UNREDEEMED = 5
"""Messages in a row that a number may leave unredeemed before it is trusted no more."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the number, and who asked for it.

    :param at: in seconds since the epoch.
    :param code: the short id of the code in it.
    :param network: the tag of the caller's network; empty if it is unknown.
    :param device: the tag of the caller's device; empty if it is unknown.
    """

    at: float
    code: str = ""
    network: str = ""
    device: str = ""

    def to_json(self) -> list[Any]:
        # Not astuple(), which copies each value and calls fifty functions for that.
        return [self.at, self.code, self.network, self.device]

    @property
    def asker(self) -> str:
        """The tag that names the caller; empty if nothing is known of them."""
        return self.device or self.network


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of a number.

    :param sends: the messages, oldest first. A success gives no quota back.
    :param succeeded_at: time of the last success. The cooldown counts the messages since then.
    :param unredeemed: messages since the last success, however old they are.
    :param notices: the times of the notices of a day, which are no codes.
    """

    sends: tuple[Send, ...] = ()
    succeeded_at: float = 0
    unredeemed: int = 0
    notices: tuple[float, ...] = ()

    @property
    def last_sent_at(self) -> float:
        """When the newest message was counted; 0 if there is none."""
        return self.sends[-1].at if self.sends else 0

    @property
    def gets_redeemed(self) -> bool:
        """Whether few enough messages of the number were left unredeemed in a row.

        A fraudster redeems one code, and would then be trusted for ever.
        """
        return self.unredeemed < MOST_UNREDEEMED

    def next_send_at(self, cooldown: Sequence[timedelta]) -> datetime | None:
        """Return the end of the cooldown, or ``None`` if there is none.

        :param cooldown: the wait after the first message, after the second, and so on. The
            last one repeats.
        """
        since = max(self.succeeded_at, self.last_sent_at - SEND_MEMORY.total_seconds())
        streak = [send.at for send in self.sends if send.at > since]
        if not streak or not cooldown:
            return None
        wait = cooldown[min(len(streak), len(cooldown)) - 1]
        return datetime.fromtimestamp(streak[-1], UTC) + wait

    def has_sent_since(self, moment: datetime) -> bool:
        """Return whether a message was sent later than ``moment``."""
        return self.last_sent_at > moment.timestamp()

    def quota_free_at(
        self, rates: Iterable[Rate], now: datetime, *, tag: str | None = None
    ) -> datetime | None:
        """Return when the rates allow the next message, or ``None`` if they allow it now.

        :param tag: count only the messages that this network asked for.
        """
        entries = [(each.at, 1) for each in self.sends if tag is None or each.network == tag]
        waits = [free_at(entries, rate, now.timestamp()) for rate in rates]
        latest = max((wait for wait in waits if wait is not None), default=None)
        return None if latest is None else datetime.fromtimestamp(latest, UTC)

    def with_send(self, send: Send, *, memory: timedelta) -> Self:
        """Count a message, and forget messages that no cooldown or quota counts any more.

        :param memory: at least the lifetime of a code, so that its askers are remembered.
        """
        since = send.at - memory.total_seconds()
        recent = [each for each in self.sends if each.at > since]
        sends = (*recent, send)[-MOST_KEPT:]
        return replace(self, sends=sends, unredeemed=self.unredeemed + 1)

    def without_send(self, sent_at: datetime) -> Self:
        """Give back the cooldown and quota of a message that was not sent."""
        others = tuple(each for each in self.sends if each.at != sent_at.timestamp())
        refunded = len(self.sends) - len(others)
        return replace(self, sends=others, unredeemed=max(self.unredeemed - refunded, 0))

    def without_sends(self) -> Self:
        """Give back the cooldown and the quotas of all messages. Keep who asked for them."""
        return replace(self, sends=tuple(replace(send, at=0) for send in self.sends))

    def may_be_told(self, now: datetime) -> bool:
        """Return whether one more notice may go to the number."""
        return len(self._notices_of_a_day(now)) < MOST_NOTICES

    def with_notice(self, now: datetime) -> Self:
        """Count a notice, and forget those of the day before."""
        return replace(self, notices=(*self._notices_of_a_day(now), now.timestamp()))

    def _notices_of_a_day(self, now: datetime) -> tuple[float, ...]:
        since = (now - SEND_MEMORY).timestamp()
        return tuple(at for at in self.notices if at > since)
