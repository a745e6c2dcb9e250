"""A date hierarchy that does not read every row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Min, QuerySet
from django.utils import timezone

if TYPE_CHECKING:
    AnyQuerySet = QuerySet[Any]
else:
    AnyQuerySet = QuerySet


class BoundedDates(AnyQuerySet):
    """Rows whose ``datetimes`` come from the first and the last of them alone.

    ``period`` are the rows that the page is to offer dates of; ``None``: these.
    """

    period: AnyQuerySet | None = None

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if self.period is not None:
            return self.period.aggregate(*args, **kwargs)
        return super().aggregate(*args, **kwargs)

    def datetimes(self, field_name: str, kind: str, *args: Any, **kwargs: Any) -> Any:
        """List every year, month or day from the first row to the last, empty ones included."""
        span = self.aggregate(first=Min(field_name), last=Max(field_name))
        return list(_periods(span["first"], span["last"], kind)) if span["first"] else []


def _periods(first: datetime, last: datetime, kind: str) -> Iterator[datetime]:
    zone = timezone.get_current_timezone()
    first, last = first.astimezone(zone), last.astimezone(zone)
    period = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind != "day":
        period = period.replace(day=1)
    if kind == "year":
        period = period.replace(month=1)
    while period <= last:
        yield period
        period = _next_period(period, kind)


def _next_period(period: datetime, kind: str) -> datetime:
    if kind == "year":
        return period.replace(year=period.year + 1)
    days = 32 if kind == "month" else 1
    following = period + timedelta(days=days)
    return following.replace(day=1) if kind == "month" else following
