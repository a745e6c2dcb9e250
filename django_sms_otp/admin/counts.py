"""The list of hourly counts, and the last day's above it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from ..models import HourlyCount
from .base import FixedOrder, ReadOnlyAdmin, RecentValuesFilter, place
from .dates import BoundedDates
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
        """Counts go by ``purge_otp_codes``: budgets look at those of two weeks."""
        return False

    @admin.display(description=_("region"))
    def place(self, row: HourlyCount) -> str:
        return place(row.region)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return BoundedDates(self.model)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FixedOrder]:
        return FixedOrder

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # The function itself: called by the page alone, not for whoever may not see it.
        return super().changelist_view(request, {"last_day": last_day})
