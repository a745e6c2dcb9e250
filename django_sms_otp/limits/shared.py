"""What the rows of IP addresses, prefixes, countries and the site remember. Pure.

Every row counts uses against the rates of its limit. Those of prefixes, countries and addresses
also keep cohorts, where the site wants to know which share of its codes is redeemed: messages
by the time they were sent, and how many of them were redeemed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .rates import Entry, Rate, free_at, with_use

__all__ = ["Cohort", "SharedState"]

DAY, HOUR = 86400, 3600

FINE, COARSE = 300, HOUR
"""Seconds that a cohort spans: in the last hour, and before."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Messages sent from ``start`` on, and how many of them brought a login."""

    start: float
    sent: int = 0
    redeemed: int = 0

    @property
    def unredeemed(self) -> int:
        return self.sent - self.redeemed

    @property
    def conversion(self) -> float:
        """The share that was redeemed, from 0 to 1."""
        return self.redeemed / self.sent if self.sent else 1.0


@dataclass(frozen=True, slots=True)
class SharedState:
    """
    :param uses: by the length of a rate's window, in seconds.
    :param cohorts: of messages to unverified numbers, one day's, oldest first.
    :param regions: where messages to unverified numbers went: when last, and whether one was
        redeemed. Kept for addresses only.
    :param blocked_until: of the conversion breaker, in seconds since the epoch.
    """

    uses: Mapping[int, tuple[Entry, ...]] = field(default_factory=dict)
    cohorts: tuple[Cohort, ...] = ()
    regions: Mapping[str, tuple[float, bool]] = field(default_factory=dict)
    blocked_until: float = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SharedState:
        uses = data.get("uses", {})
        regions = data.get("regions", {})
        return cls(
            uses={int(window): tuple(map(tuple, uses[window])) for window in uses},
            cohorts=tuple(Cohort(*each) for each in data.get("cohorts", ())),
            regions={name: (last, redeemed) for name, (last, redeemed) in regions.items()},
            blocked_until=data.get("blocked_until", 0),
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "uses": {str(window): list(uses) for window, uses in self.uses.items()},
            "cohorts": [[each.start, each.sent, each.redeemed] for each in self.cohorts],
            "regions": {name: list(seen) for name, seen in self.regions.items()},
            "blocked_until": self.blocked_until,
        }
        return {name: value for name, value in data.items() if value}

    def free_at(self, rates: Iterable[Rate], now: float) -> float | None:
        """Return when the rates allow one more use; ``None``: now."""
        waits = [free_at(self.uses.get(rate.window, ()), rate, now) for rate in rates]
        return max((wait for wait in waits if wait is not None), default=None)

    def with_use(self, rates: Iterable[Rate], now: float) -> SharedState:
        """Count one more use. Windows that no rate has any more are forgotten."""
        uses = {
            rate.window: with_use(self.uses.get(rate.window, ()), rate, now) for rate in rates
        }
        return replace(self, uses=uses)

    def with_sent(self, now: float, *, at: float | None = None, count: int = 1) -> SharedState:
        """Count messages to an unverified number; fewer, where one has not left after all."""
        sent = Cohort(now if at is None else at, sent=count)
        cohorts = _merged([*self.cohorts, sent], now)
        return replace(self, cohorts=cohorts)

    def with_redeemed(self, now: float, *, sent_at: float, count: int) -> SharedState:
        """Count messages that were sent from ``sent_at`` on as redeemed."""
        cohorts = _merged([*self.cohorts, Cohort(sent_at, redeemed=count)], now)
        return replace(self, cohorts=cohorts)

    def with_region(self, now: float, region: str, *, redeemed: bool) -> SharedState:
        """Note where a message went, or that one was redeemed there."""
        recent = {name: seen for name, seen in self.regions.items() if seen[0] > now - DAY}
        earlier = recent.get(region, (now, False))[1]
        return replace(self, regions={**recent, region: (now, earlier or redeemed)})

    def last(self, seconds: int, now: float) -> Cohort:
        """Sum up the cohorts of the last so many seconds, one that has partly left included."""
        span = FINE if seconds <= HOUR else COARSE
        return self.between(now - seconds - span, now)

    def settled(self, seconds: int, until: float) -> Cohort:
        """Sum up the cohorts of so many seconds that were over at ``until``."""
        return self.between(until - seconds - FINE, until - FINE)

    def between(self, since: float, until: float) -> Cohort:
        """Sum up the cohorts that began after ``since``, and at ``until`` or before."""
        cohorts = [each for each in self.cohorts if since < each.start <= until]
        sent = sum(each.sent for each in cohorts)
        return Cohort(since, sent, sum(each.redeemed for each in cohorts))

    def strange_regions(self, now: float) -> set[str]:
        """Return where messages of the last day went without one being redeemed."""
        return {
            name
            for name, (last, redeemed) in self.regions.items()
            if last > now - DAY and not redeemed
        }


def _merged(cohorts: Iterable[Cohort], now: float) -> tuple[Cohort, ...]:
    merged: dict[float, Cohort] = {}
    for each in cohorts:
        if each.start <= now - DAY - COARSE:
            continue
        start = _start(each.start, now)
        known = merged.get(start, Cohort(start))
        merged[start] = Cohort(start, known.sent + each.sent, known.redeemed + each.redeemed)
    return tuple(merged[start] for start in sorted(merged))


def _start(at: float, now: float) -> float:
    span = FINE if at > now - HOUR - COARSE else COARSE
    return at // span * span
