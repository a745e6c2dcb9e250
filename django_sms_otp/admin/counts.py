"""The list of hourly counts, below a summary of the last day."""

from __future__ import annotations

from collections import Counter, defaultdict
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


def last_day() -> dict[str, list[Any]]:
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
    busiest = sorted(regions.items(), key=lambda line: (-line[1]["sent"], line[0]))
    return {
        "controls": sorted(controls.items(), key=lambda line: (-line[1].total(), line[0])),
        "regions": [
            (format_region(region), counts, _redeemed_share(counts))
            for region, counts in busiest[:MAX_REGIONS]
        ],
    }


def _redeemed_share(counts: Counter[str]) -> str:
    return f"{counts['redeemed'] / counts['sent']:.0%}" if counts["sent"] else ""
