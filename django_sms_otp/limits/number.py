"""The state of a number's row, and the decisions that follow from it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .rates import Rate, free_at

__all__ = ["SEND_MEMORY", "FailureBudget", "Failures", "Lock", "NumberState"]

SEND_MEMORY = timedelta(days=1)
"""How long a send counts for the cooldown. A purge keeps a limits row at least this long."""

MOST_KEPT_TIMES = 100
"""Bounds the size of a row. No rate of a number allows more uses in a window."""

MOST_KNOWN_CALLERS = 8
"""A row keeps the tags of the newest addresses and devices that redeemed a code."""

MOST_UNREDEEMED = 5
"""Messages in a row that a number may leave unredeemed before it is trusted no more."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30, 3600
"""NIST SP 800-63B-4, 3.2.2: waits "from 30 seconds up to an hour"."""

RESERVED_FRACTION = 10
"""Known callers alone may use the last tenth of the consecutive failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBudget:
    """The wrong guesses that a number takes, over any number of codes.

    :param free: consecutive failures before the first wait.
    :param rates: the most failures in a window.
    :param most: consecutive failures that disable the number.
    """

    free: int
    rates: Sequence[Rate]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lockout: no guess is evaluated.

    :param until: its end; ``None`` if waiting does not help.
    """

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong guesses since the last success.

    :param recent: times of the newest ones, oldest first, in seconds since the epoch.
    """

    consecutive: int = 0
    recent: tuple[float, ...] = ()

    def with_one(self, now: datetime) -> Failures:
        return Failures(
            self.consecutive + 1, (*self.recent, now.timestamp())[-MOST_KEPT_TIMES:]
        )

    def without(self, failed_at: datetime) -> Failures:
        """Remove one failure, unless a success has cleared it already."""
        others = tuple(at for at in self.recent if at != failed_at.timestamp())
        if len(others) == len(self.recent):
            return self
        return Failures(self.consecutive - 1, others)

    def free_at(self, budget: FailureBudget, now: float) -> float | None:
        """Return the end of the wait before the next guess, or ``None`` if there is no wait."""
        waits = [free_at([(at, 1) for at in self.recent], rate, now) for rate in budget.rates]
        if self.recent and self.consecutive >= budget.free:
            doublings = min(self.consecutive - budget.free, 10)
            wait = min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS)
            waits.append(self.recent[-1] + wait)
        return max((wait for wait in waits if wait is not None and wait > now), default=None)


@dataclass(frozen=True, slots=True)
class NumberState:
    """The state of a number's row.

    :param sends: time and caller's tag of each message, oldest first. A success gives no quota
        back.
    :param succeeded_at: time of the last success. The cooldown counts the messages since then.
    :param unredeemed: messages since the last success, however old they are.
    :param strangers: failures of callers that the number does not know. They cannot use up the
        reserve of the known callers, so guessing cannot lock out the holder of the number.
    :param acquainted: failures of callers that redeemed a code of this number before.
    :param known: tags of these callers.
    """

    sends: tuple[tuple[float, str], ...] = ()
    succeeded_at: float = 0
    unredeemed: int = 0
    strangers: Failures = Failures()
    acquainted: Failures = Failures()
    known: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberState:
        return cls(
            sends=tuple((at, tag) for at, tag in data.get("sends", ())),
            succeeded_at=data.get("succeeded_at", 0),
            unredeemed=data.get("unredeemed", 0),
            strangers=_failures(data.get("strangers")),
            acquainted=_failures(data.get("acquainted")),
            known=tuple(data.get("known", ())),
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "sends": [list(send) for send in self.sends],
            "succeeded_at": self.succeeded_at,
            "unredeemed": self.unredeemed,
            "strangers": _failures_json(self.strangers),
            "acquainted": _failures_json(self.acquainted),
            "known": list(self.known),
        }
        return {name: value for name, value in data.items() if value}

    @property
    def has_failures(self) -> bool:
        """Whether there are failures. A purge must keep the row then."""
        return bool(self.strangers.consecutive or self.acquainted.consecutive)

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
        since = max(self.succeeded_at, self._last_send() - SEND_MEMORY.total_seconds())
        streak = [at for at, _ in self.sends if at > since]
        if not streak or not cooldown:
            return None
        wait = cooldown[min(len(streak), len(cooldown)) - 1]
        return datetime.fromtimestamp(streak[-1], UTC) + wait

    def quota_free_at(
        self, rates: Iterable[Rate], now: datetime, *, tag: str | None = None
    ) -> datetime | None:
        """Return when the rates allow the next message, or ``None`` if they allow it now.

        :param tag: count only the messages that this caller asked for.
        """
        entries = [(at, 1) for at, by in self.sends if tag is None or by == tag]
        waits = [free_at(entries, rate, now.timestamp()) for rate in rates]
        latest = max((wait for wait in waits if wait is not None), default=None)
        return None if latest is None else datetime.fromtimestamp(latest, UTC)

    def with_send(self, now: datetime, *, tag: str = "", memory: timedelta) -> NumberState:
        """Count a message, and forget messages that no cooldown or quota counts any more."""
        since = (now - memory).timestamp()
        recent = [send for send in self.sends if send[0] > since]
        return replace(
            self,
            sends=(*recent, (now.timestamp(), tag))[-MOST_KEPT_TIMES:],
            unredeemed=self.unredeemed + 1,
        )

    def without_send(self, sent_at: datetime) -> NumberState:
        """Give back the cooldown and quota of a message that was not sent."""
        others = tuple(send for send in self.sends if send[0] != sent_at.timestamp())
        refunded = len(self.sends) - len(others)
        return replace(self, sends=others, unredeemed=max(self.unredeemed - refunded, 0))

    def knows(self, tags: Sequence[str]) -> bool:
        """Return whether a caller with one of these tags redeemed a code before."""
        return any(tag in self.known for tag in tags)

    def lock(
        self, budget: FailureBudget, now: datetime, tags: Sequence[str], *, binds: bool = False
    ) -> Lock | None:
        """Return the lockout of a caller, or ``None`` if their guess is evaluated.

        :param binds: whether the code binds the number anew. That is the way back for a
            disabled number.
        """
        is_known = self.knows(tags)
        most = budget.most if is_known else budget.most - budget.most // RESERVED_FRACTION
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
        """Give back an attempt that was not evaluated."""
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
            unredeemed=0,
            known=(*others, *tags)[-MOST_KNOWN_CALLERS:],
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
