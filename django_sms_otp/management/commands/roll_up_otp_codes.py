"""Count sent, delivered and redeemed codes by hour and region."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...stats.rollup import roll_up


class Command(BaseCommand):
    help = (
        "Count the codes that were sent, delivered and redeemed, by hour and region. The admin "
        "and the budget of unverified numbers use the counts. Run it hourly; the purge does it "
        "too."
    )

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"Wrote {roll_up()} hourly counts.")
