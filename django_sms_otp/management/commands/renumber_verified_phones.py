"""Give the numbers that open accounts the text by which their lines are known now."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from ...auth.stored_numbers import StoredNumbers
from ...conf import get_settings
from ...conf.validators import is_region
from ...db import retry_lost_races
from ...exceptions import InvalidSettings
from ..renumbering import RULES, Change, Conflict, Renumbering, as_read, by_csv, by_rule

LOST_RACE = "Somebody changed one of these numbers meanwhile. Nothing was changed: try again."


class Command(BaseCommand):
    help = (
        "Change the numbers that open accounts: verified phone numbers, or the field of "
        "UserFieldResolver. All in one transaction; numbers that are taken stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--csv", type=Path, metavar="FILE", help="UTF-8 file with the columns old and new"
        )
        source.add_argument(
            "--rule",
            choices=sorted(RULES),
            metavar="REGION",
            help=f"the renumbering of a country: {', '.join(sorted(RULES))}",
        )
        source.add_argument(
            "--normalise",
            action="store_true",
            help="write each number in E.164, as the app reads it",
        )
        parser.add_argument(
            "--default-region",
            metavar="REGION",
            help="with --normalise: country of numbers without +; default: "
            "SMS_OTP['DEFAULT_REGION']",
        )
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="CSV file for the conflicts"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, change nothing"
        )

    def handle(self, **options: Any) -> None:
        try:
            renumbering = Renumbering(StoredNumbers.of_site())
            renumbering.plan(_change(options))
        except (InvalidSettings, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        if not options["dry_run"]:
            try:
                retry_lost_races(renumbering.apply)
            except (IntegrityError, LookupError) as error:
                raise CommandError(LOST_RACE) from error
        verb = "Would change" if options["dry_run"] else "Changed"
        self.stdout.write(
            f"{verb} {len(renumbering.wanted)} numbers; {renumbering.unchanged} are right "
            f"already; {len(renumbering.conflicts)} conflicts."
        )
        self._report(renumbering.conflicts, options["report"])

    def _report(self, conflicts: list[Conflict], path: Path | None) -> None:
        for reason, count in sorted(Counter(each.reason for each in conflicts).items()):
            self.stdout.write(f"  {reason}: {count}")
        if path is None:
            for each in conflicts:
                new = f" -> {each.new}" if each.new else ""
                self.stdout.write(f"  row {each.key}, {each.old}{new}: {each.reason}")
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "old", "new", "reason"])
            writer.writerows([each.key, each.old, each.new, each.reason] for each in conflicts)


def _change(options: dict[str, Any]) -> Change:
    region = options["default_region"]
    if region is not None and not (options["normalise"] and is_region(region)):
        raise CommandError(f"--default-region goes with --normalise; {region!r} must exist.")
    if options["csv"] is not None:
        return by_csv(options["csv"])
    if options["rule"] is not None:
        return by_rule(options["rule"])
    return as_read(region or get_settings().DEFAULT_REGION)
