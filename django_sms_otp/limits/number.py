"""What a number's row remembers, and what follows. Decisions in plain Python, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .rates import Rate, free_at

__all__ = ["SEND_MEMORY", "FailureBudget", "Failures", "Lock", "NumberState"]

SEND_MEMORY = timedelta(days=1)
"""How long a send counts for the cooldown. A limits row must be kept at least as long."""

MOST_KEPT = 100
"""Bounds the row; no rate of a number allows more in a window."""

MOST_KNOWN = 8
"""Addresses and devices that a number was redeemed from; the newest are kept."""

FIRST_WAIT, LONGEST_WAIT = 30, 3600
"""Seconds. NIST SP 800-63B-4, 3.2.2: waits "from 30 seconds up to an hour"."""

RESERVED_SHARE = 10
"""One in so many of the consecutive failures is kept for callers that the number knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBudget:
    """How many wrong guesses a number takes, over any number of codes.

    :param free: consecutive ones before the first wait.
    :param rates: most in a window.
    :param most: consecutive ones before the number is disabled.
    """

    free: int
    rates: Sequence[Rate]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """No guess is evaluated; ``until``: ``None`` where waiting does not help."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong guesses that were evaluated since the last success.

    :param recent: their times, oldest first, in seconds since the epoch.
    """

    consecutive: int = 0
    recent: tuple[float, ...] = ()

    def with_one(self, now: datetime) -> Failures:
        return Failures(self.consecutive + 1, (*self.recent, now.timestamp())[-MOST_KEPT:])

    def without(self, failed_at: datetime) -> Failures:
        """Take one back; those that a success has cleared are gone already."""
        kept = tuple(at for at in self.recent if at != failed_at.timestamp())
        if len(kept) == len(self.recent):
            return self
        return Failures(self.consecutive - 1, kept)

    def free_at(self, budget: FailureBudget, now: float) -> float | None:
        """Return when another guess is evaluated; ``None``: now."""
        waits = [free_at([(at, 1) for at in self.recent], rate, now) for rate in budget.rates]
        if self.recent and self.consecutive >= budget.free:
            doubled = min(self.consecutive - budget.free, 10)
            waits.append(self.recent[-1] + min(FIRST_WAIT * 2**doubled, LONGEST_WAIT))
        return max((wait for wait in waits if wait is not None and wait > now), default=None)


@dataclass(frozen=True, slots=True)
class NumberState:
    """What a number's row remembers.

    :param sends: time and caller's tag of each message, oldest first. A success gives no quota
        back.
    :param succeeded_at: of the last success; the cooldown counts the messages since.
    :param strangers: failures of callers that the number does not know. They cannot use up
        what is reserved for the others: so nobody locks a number's holder out by guessing.
    :param acquainted: failures of callers that have redeemed a code of this number before.
    :param known: those callers' tags.
    """

    sends: tuple[tuple[float, str], ...] = ()
    succeeded_at: float = 0
    strangers: Failures = Failures()
    acquainted: Failures = Failures()
    known: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberState:
        return cls(
            sends=tuple((at, tag) for at, tag in data.get("sends", ())),
            succeeded_at=data.get("succeeded_at", 0),
            strangers=_failures(data.get("strangers")),
            acquainted=_failures(data.get("acquainted")),
            known=tuple(data.get("known", ())),
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "sends": [list(send) for send in self.sends],
            "succeeded_at": self.succeeded_at,
            "strangers": _failures_json(self.strangers),
            "acquainted": _failures_json(self.acquainted),
            "known": list(self.known),
        }
        return {name: value for name, value in data.items() if value}

    @property
    def has_failures(self) -> bool:
        """Whether there are failures: only a success clears them, and no purge does."""
        return bool(self.strangers.consecutive or self.acquainted.consecutive)

    def next_send_at(self, cooldown: Sequence[timedelta]) -> datetime | None:
        """Return when the cooldown lets the next message go out; ``None``: at any time.

        :param cooldown: the wait after the first message, after the second, and so on; the
            last one repeats.
        """
        since = max(self.succeeded_at, self._last_send() - SEND_MEMORY.total_seconds())
        streak = [at for at, _ in self.sends if at > since]
        if not streak or not cooldown:
            return None
        wait = cooldown[min(len(streak), len(cooldown)) - 1]
        return datetime.fromtimestamp(streak[-1], UTC) + wait

    def quota_free_at(
        self, rates: Iterable[Rate], now: datetime, *, tag: str | None = None
    ) -> datetime | None:
        """Return when the rates let the next message go out; ``None``: now.

        :param tag: count only what this caller asked for.
        """
        entries = [(at, 1) for at, by in self.sends if tag is None or by == tag]
        waits = [free_at(entries, rate, now.timestamp()) for rate in rates]
        latest = max((wait for wait in waits if wait is not None), default=None)
        return None if latest is None else datetime.fromtimestamp(latest, UTC)

    def with_send(self, now: datetime, *, tag: str = "", memory: timedelta) -> NumberState:
        """Count a message, and forget those that no cooldown or quota counts any more."""
        since = (now - memory).timestamp()
        kept = [send for send in self.sends if send[0] > since]
        return replace(self, sends=(*kept, (now.timestamp(), tag))[-MOST_KEPT:])

    def without_send(self, sent_at: datetime) -> NumberState:
        """Give back the cooldown and quota of a message that was not sent."""
        refunded = sent_at.timestamp()
        return replace(self, sends=tuple(send for send in self.sends if send[0] != refunded))

    def knows(self, tags: Sequence[str]) -> bool:
        """Tell whether a caller with one of these tags has redeemed a code before."""
        return any(tag in self.known for tag in tags)

    def lock(
        self, budget: FailureBudget, now: datetime, tags: Sequence[str], *, binds: bool = False
    ) -> Lock | None:
        """Return why no guess of this caller is evaluated; ``None``: it is.

        :param binds: the code binds the number anew, which a disabled one is waiting for.
        """
        is_known = self.knows(tags)
        most = budget.most if is_known else budget.most - budget.most // RESERVED_SHARE
        if self.strangers.consecutive + self.acquainted.consecutive >= most and not binds:
            return Lock(until=None)
        failures = self.acquainted if is_known else self.strangers
        until = failures.free_at(budget, now.timestamp())
        return None if until is None else Lock(until=datetime.fromtimestamp(until, UTC))

    def with_failure(self, now: datetime, tags: Sequence[str]) -> NumberState:
        if self.knows(tags):
            return replace(self, acquainted=self.acquainted.with_one(now))
        return replace(self, strangers=self.strangers.with_one(now))

    def without_failure(self, failed_at: datetime) -> NumberState:
        """Give back an attempt that nobody has evaluated."""
        return replace(
            self,
            strangers=self.strangers.without(failed_at),
            acquainted=self.acquainted.without(failed_at),
        )

    def after_success(self, now: datetime, tags: Sequence[str]) -> NumberState:
        """Clear the failures, start the cooldown anew, and remember the caller."""
        others = [tag for tag in self.known if tag not in tags]
        return replace(
            self.unlocked(),
            succeeded_at=now.timestamp(),
            known=(*others, *tags)[-MOST_KNOWN:],
        )

    def unlocked(self) -> NumberState:
        return replace(self, strangers=Failures(), acquainted=Failures())

    def _last_send(self) -> float:
        return self.sends[-1][0] if self.sends else 0


def _failures(data: dict[str, Any] | None) -> Failures:
    return Failures(data["consecutive"], tuple(data["recent"])) if data else Failures()


def _failures_json(failures: Failures) -> dict[str, Any] | None:
    if not failures.consecutive:
        return None
    return {"consecutive": failures.consecutive, "recent": list(failures.recent)}
