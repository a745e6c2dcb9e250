"""The last 24 hours in two tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from ..models import HourlyCount
from ..stats.counts import start_of_hour
from ..stats.rollup import EVENTS
from .base import place

__all__ = ["ControlLine", "LastDay", "RegionLine", "last_day"]

SPAN = timedelta(hours=24)

MOST_REGIONS = 10

VERBS = ("refused", "withheld", "recorded")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLine:
    """How often a control stood in the way."""

    control: str
    refused: int
    withheld: int
    recorded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLine:
    """What became of a country's codes."""

    region: str
    sent: int
    delivered: int
    redeemed: int

    @property
    def place(self) -> str:
        return place(self.region)

    @property
    def share(self) -> str:
        """The share of codes sent that was redeemed; empty where none was sent."""
        return f"{self.redeemed / self.sent:.0%}" if self.sent else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """
    :param controls: the busiest first.
    :param regions: those with most codes, the busiest first.
    """

    controls: list[ControlLine]
    regions: list[RegionLine]


def last_day() -> LastDay:
    """Add up the counts of the last 24 hours, from the hour on in which they began."""
    since = start_of_hour(timezone.now() - SPAN)
    rows = HourlyCount.objects.filter(hour__gte=since).values_list("event", "region")
    summed = rows.annotate(total=Sum("count"))
    totals = {(event, region): int(total) for event, region, total in summed}
    return LastDay(controls=_controls(totals), regions=_regions(totals))


def _controls(totals: Mapping[tuple[str, str], int]) -> list[ControlLine]:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for (event, _region), total in totals.items():
        verb, _colon, control = event.partition(":")
        if verb in VERBS:
            counted[control][verb] += total
    busiest = sorted(counted, key=lambda control: (-counted[control].total(), control))
    return [ControlLine(control=name, **_of(counted[name], VERBS)) for name in busiest]


def _regions(totals: Mapping[tuple[str, str], int]) -> list[RegionLine]:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for (event, region), total in totals.items():
        if event in EVENTS:
            counted[region][event] += total
    busiest = sorted(counted, key=lambda region: (-counted[region]["sent"], region))
    lines = [RegionLine(region=name, **_of(counted[name], EVENTS)) for name in busiest]
    return lines[:MOST_REGIONS]


def _of(counts: Counter[str], names: Iterable[str]) -> dict[str, int]:
    return {name: counts[name] for name in names}
