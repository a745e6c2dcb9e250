"""Lists, filters and dates that stay fast on tables of millions of rows.

Django's own count every row, and read every row for the values of a filter and for the dates
above the list.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from .search import ExplainedList

__all__ = ["BoundedDates", "BoundedPaginator", "RecentList", "RecentValuesFilter"]

MAX_COUNTED_ROWS = 10_000
"""Counting a million rows takes longer than anybody waits for a page."""

MAX_ROWS_FOR_VALUES = 1_000
"""A filter offers the values of this many rows, the newest."""

MAX_FILTERED_ROWS = 100_000
"""A filter by a column without an index searches this many rows. If no row matched, the
database would read millions."""

START_OF_PERIOD = {"year": {"month": 1, "day": 1}, "month": {"day": 1}, "day": {}}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # no generic at run time
    """Counts up to a bound. Dates, filters and the search lead to the rows behind it."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        # Without an order the database may count whichever rows it finds first.
        return int(rows.order_by()[:MAX_COUNTED_ROWS].count())


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """Offers the values of the newest rows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field, request, _params, model, model_admin = args
        newest = model._default_manager.order_by(*model_admin.get_ordering(request))
        column = newest.values_list(self.field_path, flat=True)
        # An empty value has no name to click on.
        values = set(column[:MAX_ROWS_FOR_VALUES]) - {""}
        self.lookup_choices = sorted(values)  # type: ignore[assignment]


class BoundedDates(QuerySet[Any]):
    """Takes the dates above the list from the first and the last row alone.

    :ivar period: rows whose dates the page offers, if these are not the listed rows.
    """

    period: QuerySet[Any] | None = None

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if self.period is not None:
            return self.period.aggregate(*args, **kwargs)
        return super().aggregate(*args, **kwargs)

    def datetimes(self, field_name: str, kind: str, *args: Any, **kwargs: Any) -> Any:
        """Return each year, month or day from the first row to the last, empty ones too."""
        bounds = self.aggregate(first=Min(field_name), last=Max(field_name))
        if bounds["first"] is None:
            return []
        first, last = (timezone.localtime(bounds[end]).date() for end in ("first", "last"))
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return list(dict.fromkeys(day.replace(**START_OF_PERIOD[kind]) for day in days))


class RecentList(ExplainedList):
    """Filters by columns without an index, among the newest rows of the chosen period."""

    def get_filters(self, request: HttpRequest) -> Any:
        found = super().get_filters(request)
        self._lookups: Any = found[2]
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        rows: Any = super().get_queryset(request, exclude_parameters)
        column = str(self.date_hierarchy)
        filters = [
            name for name in self.get_filters_params() if not name.startswith(f"{column}__")
        ]
        # The link that clears the filters keeps the period. Django would put its two bounds
        # into the link, which no address may hold.
        self.clear_all_filters_qs = self.get_query_string(remove=filters)
        # A search is for one number, which has few rows and an index.
        if not filters or self.query:
            return rows
        bounds = {
            name: values[-1]
            for name, values in self._lookups.items()
            if name.startswith(f"{column}__")
        }
        period = self.root_queryset.filter(**bounds)
        times = period.order_by(f"-{column}").values_list(column, flat=True)
        for oldest in times[MAX_FILTERED_ROWS : MAX_FILTERED_ROWS + 1]:
            text = _("The filters look at the newest %(count)s rows. Older ones: by date.")
            count = number_format(MAX_FILTERED_ROWS, force_grouping=True)
            messages.info(request, text % {"count": count})
            rows = rows.filter(**{f"{column}__gt": oldest})
        # Offer the dates of older rows too: they lead to these rows.
        rows.period = period
        return rows
