"""The state of the rows of IP addresses, prefixes, countries and the site. No I/O.

Every row counts uses against the rates of its limit. It counts them in *grains*, each a
sixtieth of the shortest window. All uses of a grain leave the window together with the end of
the grain. So a use may count for one grain too long, but never leaves too early. The uses of
the current grain are a plain number, which the database can increment.

Rows of prefixes, countries and addresses also keep cohorts, if the site has a budget or a
breaker. A cohort is the messages of a span of time, with the number of them that were redeemed
since.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .rates import Entry, Rate, free_at, used

__all__ = ["UNLIMITED", "Cohort", "SharedCounters", "longest_memory"]

GRAINS_IN_WINDOW = 60
"""Grains in the shortest window of a limit."""

UNLIMITED = 2**31 - 1
"""The most uses that the column holds."""

DAY, HOUR = 86400, 3600

FINE_SPAN, COARSE_SPAN = 300, HOUR
"""Seconds in a cohort of the last hour, and in an older cohort."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Messages of a span of time that begins at ``start``, and how many were redeemed."""

    start: float
    sent: int = 0
    redeemed: int = 0

    @property
    def unredeemed(self) -> int:
        return self.sent - self.redeemed

    @property
    def conversion(self) -> float:
        """The share of redeemed messages, from 0 to 1."""
        return self.redeemed / self.sent if self.sent else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCounters:
    """The state of a row that many numbers share. Times are in seconds since the epoch.

    :param uses: uses in the current grain.
    :param grain_ends_at: the end of the current grain.
    :param earlier: the ends of earlier grains and their uses, oldest first.
    :param cohorts: cohorts of messages to unverified numbers in the last day, oldest first.
    :param regions: the regions of messages to unverified numbers, with the time of the last
        message and whether any was redeemed. Only the rows of IP addresses have them.
    :param blocked_until: the end of a block by the conversion breaker.
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
        """Return the value of the column ``state``; ``uses`` is a column of its own."""
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
        """All uses, by the end of their grain, oldest first."""
        return (*self.earlier, (self.grain_ends_at, self.uses)) if self.uses else self.earlier

    def free_at(self, rates: Iterable[Rate], now: float) -> float | None:
        """Return when the rates allow one more use, or ``None`` if they allow it now."""
        waits = [free_at(self.entries, rate, now) for rate in rates]
        return max((wait for wait in waits if wait is not None), default=None)

    def with_use(self, rates: Sequence[Rate], now: float, *, count: int = 1) -> SharedCounters:
        """Count uses. With a ``count`` of 0, only begin a new grain if the last one is over."""
        if now < self.grain_ends_at:
            return replace(self, uses=self.uses + count)
        return replace(
            self,
            uses=count,
            grain_ends_at=_grain_end(rates, now),
            earlier=_thinned(self.entries, rates, now),
        )

    def without_use(self, rates: Sequence[Rate], at: float) -> SharedCounters:
        """Give back a use that was counted at ``at``.

        Nothing changes if its grain is unknown by now: forgotten, or merged into a longer one.
        """
        end = _grain_end(rates, at)
        if self.uses and self.grain_ends_at == end:
            return replace(self, uses=self.uses - 1)
        earlier = [(ends_at, uses - int(ends_at == end)) for ends_at, uses in self.earlier]
        return replace(self, earlier=tuple(entry for entry in earlier if entry[1]))

    def room(self, rates: Iterable[Rate], now: float) -> int:
        """Return the most uses that the rates allow in the current grain."""
        return min(
            (rate.count - used(self.earlier, rate.window, now) for rate in rates),
            default=UNLIMITED,
        )

    def with_sent(
        self, now: float, *, at: float | None = None, count: int = 1
    ) -> SharedCounters:
        """Count messages to an unverified number.

        :param at: when they were sent; by default now.
        :param count: ``-1`` takes back a message that was not sent after all.
        """
        sent = Cohort(now if at is None else at, sent=count)
        return replace(self, cohorts=_merged([*self.cohorts, sent], now))

    def with_redeemed(self, now: float, *, sent_at: float, count: int) -> SharedCounters:
        """Count the messages of a code as redeemed; the first was sent at ``sent_at``."""
        redeemed = Cohort(sent_at, redeemed=count)
        return replace(self, cohorts=_merged([*self.cohorts, redeemed], now))

    def with_region(self, now: float, region: str, *, redeemed: bool) -> SharedCounters:
        """Record that a message went to a region, or that one was redeemed there."""
        recent = {name: seen for name, seen in self.regions.items() if seen[0] > now - DAY}
        earlier = recent.get(region, (now, False))[1]
        return replace(self, regions={**recent, region: (now, earlier or redeemed)})

    def last(self, seconds: int, now: float) -> Cohort:
        """Sum up the cohorts of the last ``seconds``, with the one that began before them."""
        span = FINE_SPAN if seconds <= HOUR else COARSE_SPAN
        return self.between(now - seconds - span, now)

    def settled(self, seconds: int, until: float) -> Cohort:
        """Sum up the cohorts of ``seconds`` that were over at ``until``."""
        return self.between(until - seconds - FINE_SPAN, until - FINE_SPAN)

    def between(self, since: float, until: float) -> Cohort:
        """Sum up the cohorts that began after ``since`` and not after ``until``."""
        cohorts = [each for each in self.cohorts if since < each.start <= until]
        sent = sum(each.sent for each in cohorts)
        return Cohort(since, sent, sum(each.redeemed for each in cohorts))

    def strange_regions(self, now: float) -> set[str]:
        """Return the regions in which no message of the last day was redeemed."""
        return {
            name
            for name, (last, redeemed) in self.regions.items()
            if last > now - DAY and not redeemed
        }


def longest_memory(rate: Rate) -> float:
    """Return the most seconds that a use counts: the window and a grain."""
    return rate.window * (1 + 1 / GRAINS_IN_WINDOW)


def _grain_end(rates: Iterable[Rate], at: float) -> float:
    grain = min(rate.window for rate in rates) / GRAINS_IN_WINDOW
    return (at // grain + 1) * grain


def _thinned(entries: Iterable[Entry], rates: Iterable[Rate], now: float) -> tuple[Entry, ...]:
    """Keep a row small.

    Forget the entries that have left every window. Merge the entries that have left a shorter
    window into grains of the longer one.
    """
    windows = sorted(rate.window for rate in rates)
    merged: dict[tuple[int, float], Entry] = {}
    for at, uses in entries:
        window = next((each for each in windows if at > now - each), None)
        if window is None:
            continue
        group = (window, math.ceil(at * GRAINS_IN_WINDOW / window))
        latest, known = merged.get(group, (at, 0))
        # Not the end of the merged grain: it may be later, and the uses would be back in a
        # shorter window.
        merged[group] = (max(latest, at), known + uses)
    return tuple(sorted(merged.values()))


def _merged(cohorts: Iterable[Cohort], now: float) -> tuple[Cohort, ...]:
    merged: dict[float, Cohort] = {}
    for each in cohorts:
        if each.start <= now - DAY - COARSE_SPAN:
            continue
        start = _cohort_start(each.start, now)
        known = merged.get(start, Cohort(start))
        merged[start] = Cohort(start, known.sent + each.sent, known.redeemed + each.redeemed)
    return tuple(merged[start] for start in sorted(merged))


def _cohort_start(at: float, now: float) -> float:
    span = FINE_SPAN if at > now - HOUR - COARSE_SPAN else COARSE_SPAN
    return at // span * span
