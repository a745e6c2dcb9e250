"""Delete old codes, and limits that count nothing any more.

The rows go beside live traffic, in short transactions along an index.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ...conf import get_settings
from ...controls import memory
from ...db import database_alias, lock_rows, retry_lost_races
from ...limits.number import NumberState
from ...models import HourlyCount, Limit, LimitKind, OTPCode
from ...stats.counts import RETENTION
from ...stats.rollup import roll_up
from ..arguments import duration, milliseconds, positive_number


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which rows to delete, and how to find them.

    :param rows: the rows to delete.
    :param walk: a superset of ``rows`` that one index holds in the order of ``column``.
    :param column: a time. Rows of the same time are deleted together.
    """

    rows: QuerySet[Any]
    walk: QuerySet[Any]
    column: str


class Command(BaseCommand):
    help = (
        "Delete old codes that have expired, and limits rows that count nothing any more. Adds "
        "up the codes first, like roll_up_otp_codes. Safe beside live traffic, and twice at "
        "once. Lifts no wait and no lockout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=duration,
            metavar="DURATION",
            help="such as 30d, 12h, 45m; default: SMS_OTP['RETENTION']",
        )
        parser.add_argument(
            "--batch-size",
            type=positive_number,
            default=2000,
            metavar="ROWS",
            help="the most rows to delete in one transaction; default: 2000",
        )
        parser.add_argument(
            "--pause",
            type=milliseconds,
            default=0,
            metavar="MILLISECONDS",
            help="how long to wait after each transaction; default: 0",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count what would be deleted, delete nothing"
        )

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        older_than: timedelta | None = options["older_than"]
        if older_than is None:
            older_than = get_settings().RETENTION
        tables = {
            "codes": old_codes(now, older_than),
            "limits": idle_limits(now, older_than),
            "hourly counts": old_counts(now),
        }
        ended = ended_rules(now, older_than)
        if options["dry_run"]:
            more = {"limits": len(ended)}
            for name, deletion in tables.items():
                count = deletion.rows.count() + more.get(name, 0)
                self.stdout.write(f"Would delete {count} {name}.")
            return
        roll_up()
        release(ended)
        for name, deletion in tables.items():
            count = 0
            for deleted in delete_in_batches(deletion, options["batch_size"]):
                count += deleted
                if self.stderr.isatty():
                    # The next line overwrites this one.
                    self.stderr.write(f"Deleted {count} {name}", ending="\r")
                time.sleep(options["pause"])
            self.stdout.write(f"Deleted {count} {name}.")


def old_codes(now: datetime, older_than: timedelta) -> Deletion:
    """Return the codes that nobody can redeem any more and that are old enough."""
    codes = OTPCode.objects.using(database_alias()).filter(created_at__lt=now - older_than)
    return Deletion(codes.filter(expires_at__lt=now), codes, "created_at")


def idle_limits(now: datetime, older_than: timedelta) -> Deletion:
    """Return the limits rows that have not changed for so long that they count nothing."""
    idle = Limit.objects.using(database_alias()).filter(
        is_kept=False, updated_at__lt=now - memory()
    )
    # A shared row counts nothing after its longest window. A number's row also remembers which
    # callers have redeemed a code before.
    is_shared = ~Q(kind=LimitKind.NUMBER)
    long_idle = Q(updated_at__lt=now - max(older_than, memory()))
    return Deletion(idle.filter(is_shared | long_idle), idle, "updated_at")


def ended_rules(now: datetime, older_than: timedelta) -> list[Limit]:
    """Return the rows that were kept for a decision of staff, which has ended since.

    Nothing has written them at its end. Few numbers have a rule, so they are looked at here:
    whether one has ended differs in the JSON of each database.
    """
    long_ago = now - max(older_than, memory())
    kept = Limit.objects.using(database_alias()).filter(
        kind=LimitKind.NUMBER, is_kept=True, updated_at__lt=long_ago, state__has_key="rule"
    )
    return [row for row in kept if not NumberState.from_json(row.state).must_stay(now)]


def release(rows: Iterable[Limit]) -> None:
    """Let the purge have these rows, unless somebody has changed them meanwhile."""
    for row in rows:
        unchanged = Limit.objects.using(database_alias()).filter(pk=row.pk, version=row.version)
        retry_lost_races(partial(unchanged.update, is_kept=False))


def old_counts(now: datetime) -> Deletion:
    """Return the hourly counts that no budget reads and that are older than a year."""
    counts = HourlyCount.objects.using(database_alias()).filter(hour__lt=now - RETENTION)
    return Deletion(counts, counts, "hour")


def delete_in_batches(deletion: Deletion, size: int) -> Iterator[int]:
    """Delete the rows, and yield how many each transaction has deleted.

    A batch begins behind the last one: from the start of the index, PostgreSQL would pass over
    all rows that are dead already.

    :param size: the number of rows to look at in one transaction.
    """
    column = deletion.column
    times = deletion.walk.order_by(column).values_list(column, flat=True)
    batch = list(times[:size])
    while batch:
        window = {f"{column}__gte": batch[0], f"{column}__lte": batch[-1]}
        rows = deletion.rows.filter(**window)
        yield retry_lost_races(partial(_delete, rows))
        batch = list(times.filter(**{f"{column}__gt": batch[-1]})[:size])


def _delete(rows: QuerySet[Any]) -> int:
    # For a receiver of signals or a site's foreign key, Django reads the rows first and then
    # deletes them by key. Without the lock, a lockout that begins in between would be lost.
    with transaction.atomic(using=rows.db):
        lock_rows(rows.values_list("pk"))
        return rows.delete()[1].get(rows.model._meta.label, 0)
