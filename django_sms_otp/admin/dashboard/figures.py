"""Reads the figures of a span, by few statements along an index each."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import Length, Substr

from ...conf import get_settings
from ...controls.quotas import PREFIX_DROPS_DIGITS
from ...db import database_alias
from ...models import DeliveryState, HourlyCount, OTPCode
from .spans import Span

__all__ = [
    "Prefix",
    "Step",
    "Totals",
    "Waiting",
    "read_events",
    "read_messages",
    "read_prefixes",
    "read_steps",
    "read_totals",
    "read_waiting",
]

STEP_SUMS = {
    **{
        event: Sum("count", filter=Q(event=event))
        for event in ("requested", "sent", "delivered", "redeemed")
    },
    **{
        action: Sum("count", filter=Q(event__startswith=f"{action}:"))
        for action in ("refused", "withheld")
    },
}

NEWEST_CODES = 10_000
"""The busiest prefixes are those of so many codes: no count has prefixes."""

MOST_PREFIXES = 10


@dataclass(frozen=True, slots=True)
class Step:
    """An hour or a day, with its counts by event; ``refused`` is of all controls."""

    start: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """The counts of a span by region, backend and event."""

    counts: Mapping[tuple[str, str, str], int]

    def all(self) -> Counter[str]:
        return self._by(lambda _region, _backend: "").get("", Counter())

    def by_region(self) -> dict[str, Counter[str]]:
        return self._by(lambda region, _backend: region)

    def by_backend(self) -> dict[str, Counter[str]]:
        return self._by(lambda _region, backend: backend)

    def _by(self, key: Any) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for (region, backend, event), count in self.counts.items():
            found.setdefault(key(region, backend), Counter())[event] += count
        return found


@dataclass(frozen=True, slots=True)
class Prefix:
    prefix: str
    region: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages that wait to be sent, and since when the oldest one does."""

    count: int
    since: datetime | None


def read_steps(span: Span) -> list[Step]:
    """Return each hour or day of the span."""
    starts = span.steps()
    sums: list[Counter[str]] = [Counter() for _ in starts]
    hours = _counts(span.since, span.until).values("hour").annotate(**STEP_SUMS).order_by()
    # Not by the database: MySQL may have no time zones.
    for hour, *counts in hours.values_list("hour", *STEP_SUMS):
        mine = sums[bisect_right(starts, hour) - 1]
        for event, count in zip(STEP_SUMS, counts, strict=True):
            mine[event] += count or 0
    return [Step(start, counts) for start, counts in zip(starts, sums, strict=True)]


def read_totals(span: Span) -> Totals:
    """Return the totals of the span."""
    return _totals(_counts(span.since, span.until))


def read_events(since: datetime, until: datetime) -> Counter[str]:
    """Return the counts of a time by event. They are read in half the time of all totals."""
    rows = _counts(since, until).order_by().values("event").annotate(total=Sum("count"))
    return Counter(dict(rows.values_list("event", "total")))


def read_messages(since: datetime, until: datetime) -> Totals:
    """Return the messages of a time: they cost money."""
    return _totals(_counts(since, until).filter(event="messages"))


def _totals(rows: Any) -> Totals:
    names = ("region", "backend", "event")
    sums = rows.order_by().values(*names).annotate(total=Sum("count"))
    return Totals(
        {
            (region, backend, event): total
            for region, backend, event, total in sums.values_list(*names, "total")
        }
    )


def read_waiting(now: datetime) -> Waiting:
    """Return the messages that wait. No code older than the longest lifetime has one."""
    codes = OTPCode.objects.using(database_alias())
    codes = codes.filter(created_at__gt=now - get_settings().longest_code_lifetime)
    waiting = codes.live(now).filter(delivery_state=DeliveryState.PENDING)
    found = waiting.aggregate(count=Count("pk"), since=Min("counted_at"))
    return Waiting(found["count"], found["since"])


def read_prefixes(span: Span) -> Sequence[Prefix]:
    """Return the prefixes with most of the newest codes of the span."""
    codes = OTPCode.objects.using(database_alias())
    codes = codes.filter(created_at__gte=span.since, created_at__lt=span.until)
    times = codes.order_by("-created_at").values_list("created_at", flat=True)
    for oldest in times[NEWEST_CODES : NEWEST_CODES + 1]:
        codes = codes.filter(created_at__gt=oldest)
    length = Length("phone_number") - PREFIX_DROPS_DIGITS
    prefixes = codes.annotate(prefix=Substr("phone_number", 1, length)).values("prefix")
    busiest = prefixes.annotate(
        of=Min("region"),
        requested=Count("pk"),
        sent=Count("sent_at"),
        redeemed=Count("redeemed_at"),
    ).order_by("-requested", "prefix")
    return [
        Prefix(each["prefix"], each["of"], Counter(_numbers(each)))
        for each in busiest[:MOST_PREFIXES]
    ]


def _numbers(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in ("requested", "sent", "redeemed")}


def _counts(since: datetime, until: datetime) -> Any:
    counts = HourlyCount.objects.using(database_alias())
    return counts.filter(hour__gte=since, hour__lt=until)
