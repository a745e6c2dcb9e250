"""Adds up the results of codes by hour, region and backend, so that no page and no decision
reads every code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Greatest, TruncDate
from django.utils import timezone

from ..conf import get_settings
from ..db import database_alias, retry_lost_races
from ..models import TEST_NUMBER, HourlyCount, OTPCode, OTPCodeQuerySet
from .counts import start_of_hour
from .durations import BOUNDS, HISTOGRAM, LONGER, event_within

__all__ = ["RESULTS", "RollUp", "busiest_day", "roll_up"]

RESULTS = {
    "requested": Count("pk"),
    "messages": Sum("send_count", filter=Q(sent_at__isnull=False)),
    "sent": Count("sent_at"),
    "delivered": Count("delivered_at"),
    "redeemed": Count("redeemed_at"),
}
"""The events, and what is counted: codes, and of the sent ones also their messages. All count
in the hour in which the code was made, so that their numbers can be compared."""

EVENTS = (*RESULTS, *HISTOGRAM)

RECEIPT_DELAY = timedelta(hours=3)
"""An hour is counted again until its codes have been expired for this time. Receipts may come
late."""

HOUR = timedelta(hours=1)

AT_ONCE = 12 * HOUR
"""More than may have changed since a roll-up of an hour ago."""

REMEMBERED_DAYS = 14

ROWS_IN_STATEMENT = 1000


class Key(NamedTuple):
    event: str
    region: str
    hour: datetime
    backend: str

    @property
    def without_backend(self) -> tuple[str, str, datetime]:
        return self[:3]


Known = Mapping[Key, tuple[int, int]]
"""The counts that are written, each with the primary key of its row."""

Rows = QuerySet[HourlyCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """What a roll-up has done.

    :param counts: the number of counts.
    :param until: the first hour for which there was no time; ``None``: all are counted.
    """

    counts: int
    until: datetime | None


def busiest_day(region: str) -> int:
    """Return the most codes of a region that were redeemed on one of the last 14 days."""
    since = timezone.now() - timedelta(days=REMEMBERED_DAYS)
    counts = HourlyCount.objects.using(database_alias())
    rows = counts.filter(event="redeemed", region=region, hour__gt=since)
    # MySQL has no time zone tables unless somebody has loaded them. UTC needs none.
    days = rows.annotate(day=TruncDate("hour", tzinfo=UTC)).values("day")
    totals = days.annotate(total=Sum("count"))
    return totals.aggregate(most=Max("total"))["most"] or 0


def roll_up(*, time_limit: timedelta | None = None) -> RollUp:
    """Count the results of codes, for every hour that may have changed since the last call.

    It is safe to call this at any time, and twice at once.

    :param time_limit: of a call by a page, which may come again and again. Stop after this
        time, but count some new hours in any case; the next call goes on there. Count late
        receipts with the first call of an hour alone.
    """
    begun, counts = time.monotonic(), 0
    last = _last_counted_hour()
    has_counted_receipts = time_limit is not None and last == start_of_hour(timezone.now())
    delay = timedelta(0) if has_counted_receipts else RECEIPT_DELAY
    start = _first_changed_hour(last, delay) if last else _first_hour(_codes())
    while start is not None:
        end = start + AT_ONCE
        counts += _count_hours(start, end)
        is_new = last is None or start > last
        start = _first_hour(_codes().filter(created_at__gte=end))
        spent = timedelta(seconds=time.monotonic() - begun)
        if is_new and time_limit is not None and spent > time_limit:
            break
    return RollUp(counts=counts, until=start)


def _codes() -> OTPCodeQuerySet:
    # No message leaves for a test number, and its code would raise the budget of its country.
    return OTPCode.objects.using(database_alias()).exclude(withheld_by=TEST_NUMBER)


def _last_counted_hour() -> datetime | None:
    counts = HourlyCount.objects.using(database_alias()).filter(event="requested")
    last: datetime | None = counts.aggregate(last=Max("hour"))["last"]
    return last


def _first_changed_hour(last: datetime, receipt_delay: timedelta) -> datetime:
    """Return the first hour that may have changed since a roll-up that ended in this hour."""
    return start_of_hour(last - get_settings().longest_code_lifetime - receipt_delay)


def _first_hour(codes: OTPCodeQuerySet) -> datetime | None:
    first = codes.aggregate(first=Min("created_at"))["first"]
    return start_of_hour(first) if first else None


def _count_hours(start: datetime, end: datetime) -> int:
    counted = Counter(dict(_counted(start, end)))
    retry_lost_races(lambda: _store(counted, start, end))
    return len(counted)


def _counted(start: datetime, end: datetime) -> Iterator[tuple[Key, int]]:
    """Count each hour by a statement of its own: PostgreSQL would take several for so many
    rows that it sorts them, and compiles the statement first."""
    names = ("region", "backend", "within")
    groups = _codes().annotate(within=_within()).values(*names).annotate(**RESULTS).order_by()
    hour = start
    while hour < end and hour <= timezone.now():
        codes = groups.filter(created_at__gte=hour, created_at__lt=hour + HOUR)
        yield from _totals(hour, codes.values_list(*names, *RESULTS)).items()
        hour += HOUR


def _totals(hour: datetime, groups: Iterable[Sequence[Any]]) -> Counter[Key]:
    totals: Counter[Key] = Counter()
    for region, backend, within, *counts in groups:
        results = dict(zip(RESULTS, counts, strict=True))
        if within:
            results[within] = results["requested"]
        for event, count in results.items():
            if count:
                totals[Key(event, region, hour, backend)] += count
    return totals


def _within() -> Case:
    """Return the event of a code's time from its message to its redemption; empty without."""
    steps = (
        When(
            redeemed_at__lte=F("sent_at") + timedelta(seconds=bound),
            then=Value(event_within(bound)),
        )
        for bound in BOUNDS
    )
    unknown = When(Q(redeemed_at=None) | Q(sent_at=None), then=Value(""))
    return Case(unknown, *steps, default=Value(LONGER), output_field=CharField())


def _store(counted: Mapping[Key, int], start: datetime, end: datetime) -> None:
    alias = database_alias()
    hours = HourlyCount.objects.using(alias)
    hours = hours.filter(event__in=EVENTS, hour__gte=start, hour__lt=end)
    known = _by_key(hours)
    # Sorted: otherwise two calls at once could deadlock over each other's new rows.
    missing = sorted(counted.keys() - known)
    with transaction.atomic(alias):
        if missing:
            new = [HourlyCount(**key._asdict(), count=counted[key]) for key in missing]
            hours.bulk_create(new, ignore_conflicts=True, batch_size=ROWS_IN_STATEMENT)
        # Another call may have added some of them, and counted less.
        _raise(hours, counted, _by_key(hours) if missing else known)
        _lower(hours, counted, known)


def _raise(hours: Rows, counted: Mapping[Key, int], known: Known) -> None:
    raised = [
        HourlyCount(pk=pk, count=Greatest("count", Value(counted[key])))
        for key, (pk, count) in sorted(known.items())
        if counted[key] > count
    ]
    hours.bulk_update(raised, ["count"], batch_size=ROWS_IN_STATEMENT)


def _lower(hours: Rows, counted: Mapping[Key, int], known: Known) -> None:
    """Lower the counts of codes that have moved to another backend with a later message.

    The sum of all backends never falls: if it would, some codes of the hour have been purged.
    """
    more: Counter[tuple[str, str, datetime]] = Counter()
    for key, count in counted.items():
        more[key.without_backend] += count
    for key, (_pk, count) in known.items():
        more[key.without_backend] -= count
    for key, (pk, count) in known.items():
        if counted[key] < count and more[key.without_backend] >= 0:
            hours.filter(pk=pk, count=count).update(count=counted[key])


def _by_key(hours: Rows) -> Known:
    rows = hours.values_list("event", "region", "hour", "backend", "pk", "count")
    return {
        Key(event, region, hour, backend): (pk, count)
        for event, region, hour, backend, pk, count in rows
    }
