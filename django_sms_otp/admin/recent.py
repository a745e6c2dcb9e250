"""A list whose filters look at the newest rows alone."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _

__all__ = ["RecentList"]

MOST_FILTERED = 100_000
"""Rows. What none of them matches would be looked for in all the others, too: in millions."""


class RecentList(ChangeList):
    """Filters by columns without an index find what the newest rows of a period have."""

    def get_filters(self, request: HttpRequest) -> Any:
        found = super().get_filters(request)
        lookups: Any = found[2]
        rest = {name: values[-1] for name, values in lookups.items()}
        self._period = {name: rest[name] for name in rest if name.startswith(self._column)}
        self._is_filtered = found[4] or len(rest) > len(self._period)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        rows = super().get_queryset(request, exclude_parameters)
        # What Django makes of the period is not allowed in an address.
        names = [name for name in self.filter_params if not name.startswith(self._column)]
        self.clear_all_filters_qs = self.get_query_string(remove=names)
        # A number has few rows, and an index.
        if not self._is_filtered or self.query:
            return rows
        period = self.root_queryset.filter(**self._period)
        newest = self._newest(request, rows, period)
        # The dates lead to the others.
        newest.period = period
        return newest

    @property
    def _column(self) -> str:
        return str(self.date_hierarchy)

    def _newest(self, request: HttpRequest, rows: QuerySet[Any], period: QuerySet[Any]) -> Any:
        times = period.order_by(f"-{self._column}").values_list(self._column, flat=True)
        for oldest in times[MOST_FILTERED : MOST_FILTERED + 1]:
            text = _("The filters look at the newest %(count)s rows. Older ones: by date.")
            count = number_format(MOST_FILTERED, force_grouping=True)
            messages.info(request, text % {"count": count})
            return rows.filter(**{f"{self._column}__gt": oldest})
        return rows
