"""Count what became of the codes, by hour, region and backend."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...stats.rollup import roll_up


class Command(BaseCommand):
    help = (
        "Count the codes that were sent, delivered and redeemed, by hour, region and backend. "
        "The budget of unverified numbers uses the counts. The admin's dashboard does this by "
        "itself, and so does the purge."
    )

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"Wrote {roll_up().counts} hourly counts.")
