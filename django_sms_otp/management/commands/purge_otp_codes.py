"""Delete old codes, and the limits that nothing depends on any more."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Q, QuerySet
from django.utils import timezone

from ...conf import get_settings
from ...controls import memory
from ...models import HourlyCount, Limit, OTPCode
from ...rollup import roll_up
from ...transactions import database_alias, retry_lost_races
from ..arguments import duration, positive_number
from ..progress import Progress

COUNTS_KEPT = timedelta(days=400)


class Command(BaseCommand):
    help = (
        "Delete codes that have expired and are older than a while, and limits rows that count "
        "nothing any more. Adds up the codes first, like roll_up_otp_codes. Safe beside live "
        "traffic, and twice at once; lifts no wait and no lockout."
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
            default=1000,
            metavar="ROWS",
            help="rows deleted in one transaction; default: 1000",
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
        if not options["dry_run"]:
            roll_up()
        verb = "Would delete" if options["dry_run"] else "Deleted"
        for name, rows in tables.items():
            if options["dry_run"]:
                count = rows.count()
            else:
                count = self._delete(name, rows, options["batch_size"])
            self.stdout.write(f"{verb} {count} {name}.")

    def _delete(self, name: str, rows: QuerySet[Any], batch_size: int) -> int:
        progress = Progress(self.stderr)
        count = 0
        for deleted in delete_in_batches(rows, batch_size):
            count += deleted
            progress.show(f"Deleted {count} {name} ...")
        progress.done()
        return count


def old_codes(now: datetime, older_than: timedelta) -> QuerySet[OTPCode]:
    """Codes that nobody can redeem any more, and that are old enough."""
    codes = OTPCode.objects.using(database_alias()).order_by("created_at")
    return codes.filter(created_at__lt=now - older_than, expires_at__lt=now)


def idle_limits(now: datetime, older_than: timedelta) -> QuerySet[Limit]:
    """Limits rows that have not changed for so long that they count nothing."""
    limits = Limit.objects.using(database_alias()).filter(held=False).order_by("updated_at")
    # What numbers share counts nothing after its longest window. A number's row also knows who
    # has redeemed codes before.
    is_number = Q(key__startswith="+")
    long_idle = Q(updated_at__lt=now - max(older_than, memory()))
    idle = Q(updated_at__lt=now - memory())
    return limits.filter((is_number & long_idle) | (~is_number & idle))


def old_counts(now: datetime) -> QuerySet[HourlyCount]:
    """Hourly counts that no budget looks at, and that a site has had a year to look at."""
    counts = HourlyCount.objects.using(database_alias()).order_by("hour")
    return counts.filter(hour__lt=now - COUNTS_KEPT)


def delete_in_batches(rows: QuerySet[Any], batch_size: int) -> Iterator[int]:
    """Delete ``rows`` and yield how many each batch has deleted.

    A batch is one short statement, so that no lock is held for long. It asks the condition
    again: what has changed since it was chosen stays.
    """
    while keys := list(rows.values_list("pk", flat=True)[:batch_size]):
        batch = rows.order_by().filter(pk__in=keys)
        yield retry_lost_races(batch.delete)[0]
