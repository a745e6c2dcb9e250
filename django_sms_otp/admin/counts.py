"""The list of hourly counts, below a summary of the last day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import HourlyCount
from ..stats.counts import start_of_hour
from ..stats.rollup import EVENTS
from .base import ReadOnlyAdmin
from .formatting import format_region
from .large_tables import BoundedDates, RecentValuesFilter

MAX_REGIONS = 10

ACTIONS = ("refused", "withheld", "recorded")
"""What a control does to a message."""


@admin.register(HourlyCount)
class HourlyCountAdmin(ReadOnlyAdmin):
    ordering = ("-hour",)
    sortable_by = ()
    date_hierarchy = "hour"
    list_display = ("hour", "place", "event", "count")
    list_display_links = None
    list_filter = (("event", RecentValuesFilter), ("region", RecentValuesFilter))

    @admin.display(description=_("region"))
    def place(self, row: HourlyCount) -> str:
        return format_region(row.region)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return BoundedDates(self.model)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # The template calls the function, after Django has checked the permission.
        return super().changelist_view(request, {"last_day": last_day})


def last_day() -> dict[str, list[dict[str, Any]]]:
    """Add up the counts of the last 24 hours, including the hour in which they began.

    Return the lines of both tables, the busiest control and region first.
    """
    since = start_of_hour(timezone.now() - timedelta(hours=24))
    rows = HourlyCount.objects.filter(hour__gte=since).values_list("event", "region")
    controls: dict[str, Counter[str]] = defaultdict(Counter)
    regions: dict[str, Counter[str]] = defaultdict(Counter)
    for event, region, total in rows.annotate(total=Sum("count")):
        action, _colon, control = event.partition(":")
        if action in ACTIONS:
            controls[control][action] += int(total)
        elif event in EVENTS:
            regions[region][event] += int(total)
    sizes = {name: counts.total() for name, counts in controls.items()}
    sent = {region: counts["sent"] for region, counts in regions.items()}
    return {
        "controls": [
            {"name": name, "counts": controls[name]} for name in _largest_first(sizes)
        ],
        "regions": [
            {
                "place": format_region(region),
                "counts": regions[region],
                "share": _share(regions[region]),
            }
            for region in _largest_first(sent)[:MAX_REGIONS]
        ],
    }


def _largest_first(sizes: Mapping[str, int]) -> list[str]:
    return sorted(sizes, key=lambda name: (-sizes[name], name))


def _share(counts: Counter[str]) -> str:
    """Return the redeemed share of the sent codes; empty if none was sent."""
    sent = counts["sent"]
    return f"{counts['redeemed'] / sent:.0%}" if sent else ""
