"""The list of hourly counts, and the dashboard, which adds them up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from ..models import HourlyCount
from .base import ReadOnlyAdmin
from .dashboard import dashboard_urls
from .formatting import format_region
from .large_tables import BoundedDates, RecentValuesFilter


@admin.register(HourlyCount)
class HourlyCountAdmin(ReadOnlyAdmin):
    ordering = ("-hour",)
    sortable_by = ()
    date_hierarchy = "hour"
    list_display = ("hour", "place", "backend", "event", "count")
    list_display_links = None
    list_filter = (
        ("event", RecentValuesFilter),
        ("region", RecentValuesFilter),
        ("backend", RecentValuesFilter),
    )

    @admin.display(description=_("region"))
    def place(self, row: HourlyCount) -> str:
        return format_region(row.region)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return BoundedDates(self.model)

    def get_urls(self) -> list[URLPattern]:
        return [*dashboard_urls(self), *super().get_urls()]
