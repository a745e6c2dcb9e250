"""What the rows of IP addresses, prefixes, countries and the site remember. Pure.

Every row counts uses against the rates of its limit. It counts them in *grains*, each a
sixtieth of the shortest window: all uses of a grain leave the window when the grain's end
does. So a use may count for one grain too long, and never leaves too early. The uses of the
current grain are a plain number, which the database can increment.

Rows of prefixes, countries and addresses also keep cohorts where the site wants to know which
share of its codes is redeemed: messages by the time they were sent, and how many of them were
redeemed since.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .rates import Entry, Rate, free_at, used

__all__ = ["UNLIMITED", "Cohort", "SharedCounters", "longest_memory"]

GRAINS = 60
"""In the shortest window of a limit."""

UNLIMITED = 2**31 - 1
"""As many uses as the column holds."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCounters:
    """
    :param uses: in the current grain.
    :param grain_ends_at: the end of the current grain, in seconds since the epoch.
    :param earlier: the ends of earlier grains and their uses, oldest first.
    :param cohorts: of messages to unverified numbers, one day's, oldest first.
    :param regions: where messages to unverified numbers went: when last, and whether one was
        redeemed. Kept for addresses only.
    :param blocked_until: end of a block by the conversion breaker, in seconds since the epoch.
    """

    uses: int = 0
    grain_ends_at: float = 0
    earlier: tuple[Entry, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    regions: Mapping[str, tuple[float, bool]] = field(default_factory=dict)
    blocked_until: float = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, uses: int = 0) -> SharedCounters:
        regions = data.get("regions", {})
        return cls(
            uses=uses,
            grain_ends_at=data.get("grain_ends_at", 0),
            earlier=tuple((at, count) for at, count in data.get("earlier", ())),
            cohorts=tuple(Cohort(*each) for each in data.get("cohorts", ())),
            regions={name: (last, redeemed) for name, (last, redeemed) in regions.items()},
            blocked_until=data.get("blocked_until", 0),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what the row's ``state`` holds; its ``uses`` are a column of their own."""
        data = {
            "grain_ends_at": self.grain_ends_at,
            "earlier": [list(entry) for entry in self.earlier],
            "cohorts": [[each.start, each.sent, each.redeemed] for each in self.cohorts],
            "regions": {name: list(seen) for name, seen in self.regions.items()},
            "blocked_until": self.blocked_until,
        }
        return {name: value for name, value in data.items() if value}

    @property
    def entries(self) -> Sequence[Entry]:
        """All uses by the time at which their grain ends, oldest first."""
        return (*self.earlier, (self.grain_ends_at, self.uses)) if self.uses else self.earlier

    def free_at(self, rates: Iterable[Rate], now: float) -> float | None:
        """Return when the rates allow one more use; ``None``: now."""
        waits = [free_at(self.entries, rate, now) for rate in rates]
        return max((wait for wait in waits if wait is not None), default=None)

    def with_use(self, rates: Sequence[Rate], now: float, *, count: int = 1) -> SharedCounters:
        """Count uses; ``0`` only begins a new grain if the last one is over."""
        if now < self.grain_ends_at:
            return replace(self, uses=self.uses + count)
        grain = min(rate.window for rate in rates) / GRAINS
        return replace(
            self,
            uses=count,
            grain_ends_at=(now // grain + 1) * grain,
            earlier=_thinned(self.entries, rates, now),
        )

    def room(self, rates: Iterable[Rate], now: float) -> int:
        """Return how many uses the rates allow in the current grain."""
        return min(
            (rate.count - used(self.earlier, rate.window, now) for rate in rates),
            default=UNLIMITED,
        )

    def with_sent(
        self, now: float, *, at: float | None = None, count: int = 1
    ) -> SharedCounters:
        """Count messages to an unverified number; fewer, if one has not left after all."""
        sent = Cohort(now if at is None else at, sent=count)
        return replace(self, cohorts=_merged([*self.cohorts, sent], now))

    def with_redeemed(self, now: float, *, sent_at: float, count: int) -> SharedCounters:
        """Count messages that were sent from ``sent_at`` on as redeemed."""
        redeemed = Cohort(sent_at, redeemed=count)
        return replace(self, cohorts=_merged([*self.cohorts, redeemed], now))

    def with_region(self, now: float, region: str, *, redeemed: bool) -> SharedCounters:
        """Note where a message went, or that one was redeemed there."""
        recent = {name: seen for name, seen in self.regions.items() if seen[0] > now - DAY}
        earlier = recent.get(region, (now, False))[1]
        return replace(self, regions={**recent, region: (now, earlier or redeemed)})

    def last(self, seconds: int, now: float) -> Cohort:
        """Sum up the cohorts of the last seconds, one that has partly left included."""
        span = FINE if seconds <= HOUR else COARSE
        return self.between(now - seconds - span, now)

    def settled(self, seconds: int, until: float) -> Cohort:
        """Sum up the cohorts of a span of seconds that was over at ``until``."""
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


def longest_memory(rate: Rate) -> float:
    """Return for how many seconds a use may count: the window and a grain."""
    return rate.window * (1 + 1 / GRAINS)


def _thinned(entries: Iterable[Entry], rates: Iterable[Rate], now: float) -> tuple[Entry, ...]:
    """Forget entries that have left every window, and merge those that only longer windows
    still hold into grains of these windows: so that a row stays small."""
    windows = sorted(rate.window for rate in rates)
    merged: dict[tuple[int, float], Entry] = {}
    for at, uses in entries:
        window = next((each for each in windows if at > now - each), None)
        if window is None:
            continue
        group = (window, math.ceil(at * GRAINS / window))
        latest, known = merged.get(group, (at, 0))
        # The latest end, and no later one: it must not come back into a shorter window.
        merged[group] = (max(latest, at), known + uses)
    return tuple(sorted(merged.values()))


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
