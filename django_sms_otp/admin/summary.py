"""The last 24 hours in two tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from ..models import HourlyCount
from ..stats.counts import start_of_hour
from ..stats.rollup import EVENTS
from .formatting import format_region

__all__ = ["LastDay", "Line", "last_day"]

SPAN = timedelta(hours=24)

MAX_REGIONS = 10

ACTIONS = ("refused", "withheld", "recorded")
"""What a control does to a message."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table.

    :param name: of a control or a region.
    :param counts: by what happened; 0 for everything else.
    """

    name: str
    counts: Counter[str]

    @property
    def place(self) -> str:
        return format_region(self.name)

    @property
    def share(self) -> str:
        """The redeemed share of the sent codes; empty if none was sent."""
        sent = self.counts["sent"]
        return f"{self.counts['redeemed'] / sent:.0%}" if sent else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """Both tables, the busiest control and region first."""

    controls: Sequence[Line]
    regions: Sequence[Line]


def last_day() -> LastDay:
    """Add up the counts of the last 24 hours, including the hour in which they began."""
    since = start_of_hour(timezone.now() - SPAN)
    rows = HourlyCount.objects.filter(hour__gte=since).values_list("event", "region")
    controls: dict[str, Counter[str]] = defaultdict(Counter)
    regions: dict[str, Counter[str]] = defaultdict(Counter)
    for event, region, total in rows.annotate(total=Sum("count")):
        action, _colon, control = event.partition(":")
        if action in ACTIONS:
            controls[control][action] += int(total)
        elif event in EVENTS:
            regions[region][event] += int(total)
    return LastDay(
        controls=_busiest_first(controls, lambda counts: counts.total()),
        regions=_busiest_first(regions, lambda counts: counts["sent"])[:MAX_REGIONS],
    )


def _busiest_first(
    counted: Mapping[str, Counter[str]], size: Callable[[Counter[str]], int]
) -> list[Line]:
    names = sorted(counted, key=lambda name: (-size(counted[name]), name))
    return [Line(name, counted[name]) for name in names]
