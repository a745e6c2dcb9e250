"""Delete old codes, and the limits that nothing depends on any more."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet
from django.utils import timezone

from ...conf import get_settings
from ...limits import MEMORY
from ...models import Limit, OTPCode
from ...rounds import database_alias, retry_lost_races
from ..arguments import duration, positive_number
from ..progress import Progress


class Command(BaseCommand):
    help = (
        "Delete codes that have expired and are older than a while, and limits rows that count "
        "nothing any more. Safe beside live traffic, and twice at once; lifts no wait."
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
        }
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
    limits = Limit.objects.using(database_alias()).order_by("updated_at")
    return limits.filter(updated_at__lt=now - max(older_than, MEMORY))


def delete_in_batches(rows: QuerySet[Any], batch_size: int) -> Iterator[int]:
    """Delete ``rows`` and yield how many each batch has deleted.

    A batch is one short statement, so that no lock is held for long. It asks the condition
    again: what has changed since it was chosen stays.
    """
    while keys := list(rows.values_list("pk", flat=True)[:batch_size]):
        batch = rows.order_by().filter(pk__in=keys)
        yield retry_lost_races(batch.delete)[0]
