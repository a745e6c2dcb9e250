"""Adds up the results of codes by hour and region, so that no decision reads every code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import TruncDate, TruncHour
from django.utils import timezone

from ..conf import get_settings
from ..db import database_alias
from ..models import HourlyCount, OTPCode
from .counts import start_of_hour

__all__ = ["busiest_day", "roll_up"]

EVENTS = {"sent": "sent_at", "delivered": "delivered_at", "redeemed": "redeemed_at"}
"""The events, and the column that each sets. All count in the hour in which the code was made,
so that their numbers can be compared."""

RECEIPT_DELAY = timedelta(hours=3)
"""An hour is counted again until its codes have been expired for this time. Receipts may come
late."""

REMEMBERED_DAYS = 14

ROWS_IN_STATEMENT = 1000


def busiest_day(region: str) -> int:
    """Return the most codes of a region that were redeemed on one of the last 14 days."""
    since = timezone.now() - timedelta(days=REMEMBERED_DAYS)
    counts = HourlyCount.objects.using(database_alias())
    rows = counts.filter(event="redeemed", region=region, hour__gt=since)
    # MySQL has no time zone tables unless somebody has loaded them. UTC needs none.
    days = rows.annotate(day=TruncDate("hour", tzinfo=UTC)).values("day")
    totals = days.annotate(total=Sum("count"))
    return totals.aggregate(most=Max("total"))["most"] or 0


def roll_up() -> int:
    """Count the results of codes, for every hour that may have changed since the last call.

    Return the number of counts. It is safe to call this at any time, and twice at once.
    """
    since = _first_changed_hour()
    if since is None:
        return 0
    # Sorted: otherwise two calls at once could deadlock over each other's new rows.
    rows = sorted(_counted(since))
    counts = HourlyCount.objects.using(database_alias())
    new = [
        HourlyCount(event=event, region=region, hour=hour, count=count)
        for event, region, hour, count in rows
    ]
    counts.bulk_create(new, ignore_conflicts=True, batch_size=ROWS_IN_STATEMENT)
    known = counts.filter(event__in=EVENTS, hour__gte=since)
    written = {(each.event, each.region, each.hour): each.count for each in known}
    for event, region, hour, count in rows:
        # A count never falls: some codes of the hour may have been purged.
        if written.get((event, region, hour), count) < count:
            older = counts.filter(event=event, region=region, hour=hour, count__lt=count)
            older.update(count=count)
    return len(rows)


def _first_changed_hour() -> datetime | None:
    """Return the first hour that may have changed, or ``None`` if there are no codes."""
    counts = HourlyCount.objects.using(database_alias()).filter(event__in=EVENTS)
    last = counts.aggregate(last=Max("hour"))["last"]
    if last is not None:
        return start_of_hour(last - get_settings().longest_code_lifetime - RECEIPT_DELAY)
    codes = OTPCode.objects.using(database_alias())
    first = codes.aggregate(first=Min("created_at"))["first"]
    return start_of_hour(first) if first else None


def _counted(since: datetime) -> Iterator[tuple[str, str, datetime, int]]:
    codes = OTPCode.objects.using(database_alias()).filter(created_at__gte=since)
    hours = codes.annotate(hour=TruncHour("created_at", tzinfo=UTC)).values("hour", "region")
    counted = hours.annotate(**{event: Count(column) for event, column in EVENTS.items()})
    for hour, region, *counts in counted.values_list("hour", "region", *EVENTS):
        for event, count in zip(EVENTS, counts, strict=True):
            if count:
                yield event, region, hour, count
