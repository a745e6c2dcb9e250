"""Fill the tables with a made-up month, so that the admin has something to show."""

from argparse import ArgumentParser
from io import StringIO
from random import Random
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from django_sms_otp.models import HourlyCount, Limit, OTPCode
from example.made_up import month, people, stories, troubles


class Command(BaseCommand):
    help = (
        "Fill the tables with a made-up month of codes, people and troubles. For DEBUG alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--flush",
            action="store_true",
            help="first delete all codes, limits and counts, and all users who are no staff",
        )
        parser.add_argument("--days", type=int, default=30, help="default: 30")
        parser.add_argument("--seed", type=int, default=1, help="another number: another month")

    def handle(self, *, flush: bool, days: int, seed: int, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("DEBUG is off: made-up rows do not belong on a server.")
        if flush:
            self.flush()
        if OTPCode.objects.exists():
            raise CommandError("There are codes already. --flush deletes them first.")
        random, now = Random(seed), timezone.now().replace(microsecond=0)
        with transaction.atomic():
            crowd = people.make_people(random, now)
            codes = [*month.make_codes(random, crowd, now, days)]
            troubles.break_gateway(codes, now)
            codes.sort(key=lambda code: code.created_at)
            people.link_numbers(crowd, codes)
            codes += troubles.make_fraud(random, now)
            OTPCode.objects.bulk_create(codes, batch_size=500)
            refusals = troubles.make_refusals(random, codes)
            HourlyCount.objects.bulk_create(refusals, batch_size=500)
        told = stories.tell_stories(crowd, now)
        call_command("roll_up_otp_codes", stdout=StringIO())
        self.stdout.write(f"Made up {len(codes)} codes of {len(crowd)} people.")
        self.stdout.write("Ask the admin about one of them, by name or number:")
        for person, story in told:
            self.stdout.write(f"  {person.user.username:16} {person.phone_number:14} {story}")

    def flush(self) -> None:
        for rows in (OTPCode, Limit, HourlyCount):
            rows.objects.all().delete()
        User.objects.filter(is_staff=False).delete()
