"""The list of hourly counts, below a summary of the last day."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from ..models import HourlyCount
from .base import ReadOnlyAdmin
from .formatting import format_region
from .large_tables import BoundedDates, RecentValuesFilter
from .summary import last_day


@admin.register(HourlyCount)
class HourlyCountAdmin(ReadOnlyAdmin):
    ordering = ("-hour",)
    sortable_by = ()
    date_hierarchy = "hour"
    list_display = ("hour", "place", "event", "count")
    list_display_links = None
    list_filter = (("event", RecentValuesFilter), ("region", RecentValuesFilter))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave the deletion to ``purge_otp_codes``: budgets read the counts of two weeks."""
        return False

    @admin.display(description=_("region"))
    def place(self, row: HourlyCount) -> str:
        return format_region(row.region)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return BoundedDates(self.model)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # The template calls the function, after Django has checked the permission.
        return super().changelist_view(request, {"last_day": last_day})
