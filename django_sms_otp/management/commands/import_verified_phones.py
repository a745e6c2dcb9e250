"""Link phone numbers that a site has verified already to their users."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.db.models import Field

from ...conf import get_settings
from ...conf.validators import is_region
from ..arguments import positive_number
from ..imports import Claim, PhoneImport, Refusal, claims_from_csv, claims_from_field

LOST_RACE = (
    "Somebody verified one of these numbers, or a number of one of these users, at the same "
    "moment. Run the command again: it goes on where it stopped."
)


class Command(BaseCommand):
    help = (
        "Link phone numbers to users, from a field of the user model or from a CSV file. Use "
        "it only for numbers that the site has verified: each one opens its user's account."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--field", metavar="NAME", help="field of the user model")
        source.add_argument(
            "--csv",
            type=Path,
            metavar="FILE",
            help="UTF-8 file with the columns user and phone_number",
        )
        parser.add_argument(
            "--user-field",
            metavar="NAME",
            help="unique field of the user model that the column user holds; default: the "
            "primary key",
        )
        parser.add_argument(
            "--default-region",
            metavar="REGION",
            help="country of numbers without +; default: SMS_OTP['DEFAULT_REGION']",
        )
        parser.add_argument(
            "--batch-size",
            type=positive_number,
            default=1000,
            metavar="ROWS",
            help="how many numbers to link in one transaction; default: 1000",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="FILE",
            help="CSV file for the refused numbers",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, link nothing"
        )

    def handle(self, **options: Any) -> None:
        region = options["default_region"] or get_settings().DEFAULT_REGION
        if region is not None and not is_region(region):
            raise CommandError(f"--default-region: there is no region {region!r}.")
        phone_import = PhoneImport(_user_field(options["user_field"]))
        try:
            users = phone_import.read(_claims(options), region)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        rest = iter(users.items())
        while batch := dict(islice(rest, options["batch_size"])):
            try:
                phone_import.link(batch, dry_run=options["dry_run"])
            except IntegrityError as error:
                raise CommandError(LOST_RACE) from error
            if self.stderr.isatty():
                # The next line overwrites this one.
                self.stderr.write(f"Linked {phone_import.linked} numbers", ending="\r")
        verb = "Would link" if options["dry_run"] else "Linked"
        self.stdout.write(
            f"{verb} {phone_import.linked} numbers; {phone_import.unchanged} were linked "
            f"already; {len(phone_import.refused)} refused."
        )
        self._report(phone_import.refused, options["report"])

    def _report(self, refused: list[Refusal], path: Path | None) -> None:
        for reason, count in sorted(Counter(each.reason for each in refused).items()):
            self.stdout.write(f"  {reason}: {count}")
        if path is None:
            for each in refused:
                self.stdout.write(f"  user {each.user}, {each.number}: {each.reason}")
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["user", "phone_number", "reason"])
            writer.writerows([each.user, each.number, each.reason] for each in refused)


def _claims(options: dict[str, Any]) -> Iterator[Claim]:
    if options["csv"] is not None:
        return claims_from_csv(options["csv"])
    if options["user_field"]:
        raise CommandError("--user-field goes with --csv.")
    return claims_from_field(_column(options["field"], "--field").name)


def _user_field(name: str | None) -> Field[Any, Any]:
    if name is None:
        return get_user_model()._meta.pk
    field = _column(name, "--user-field")
    if not field.unique:
        raise CommandError(f"--user-field: {name!r} is not unique.")
    return field


def _column(name: str, option: str) -> Field[Any, Any]:
    meta = get_user_model()._meta
    try:
        field = meta.get_field(name)
    except FieldDoesNotExist:
        field = None
    if not isinstance(field, Field):
        known = ", ".join(each.name for each in meta.concrete_fields)
        raise CommandError(f"{option}: {meta.label} has no field {name!r}. It has {known}.")
    return field
