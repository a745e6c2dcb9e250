"""SQLite has one writer at a time. Whoever writes meanwhile waits, and does not fail.

A transaction that has read before its first write cannot wait: SQLite refuses that write at
once, whatever the time-out. So every transaction of the app begins with a write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.backends.composite import circuits
from django_sms_otp.management.commands.purge_otp_codes import delete_in_batches, old_codes
from django_sms_otp.models import HourlyCount, Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed

from ..conftest import PHONE, last_code
from ..support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="only SQLite has one writer at a time"
    ),
]

OLD, NEW = "+22997123456", "+2290197123456"
HELD_SECONDS = 0.3


@contextmanager
def another_writer() -> Iterator[None]:
    """Let another connection write, and commit a while after the body has begun."""
    has_begun, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                HourlyCount.objects.create(event="x", region="", hour=timezone.now(), count=1)
                has_begun.set()
                may_commit.wait(HELD_SECONDS)
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert has_begun.wait(30)
    try:
        yield
    finally:
        may_commit.set()
        thread.join()


def purge() -> None:
    # The command adds up the codes first, and waits with that.
    assert [*delete_in_batches(old_codes(timezone.now(), timedelta(days=30)), 10)] == [1]


def roll_up() -> None:
    call_command("roll_up_otp_codes", verbosity=0)
    assert HourlyCount.objects.filter(event="sent").exists()


def renumber() -> None:
    call_command("renumber_verified_phones", rule="BJ", verbosity=0)
    assert VerifiedPhone.objects.get().phone_number == NEW
    assert not Limit.objects.filter(subject=OLD).exists()


def request() -> None:
    assert isinstance(services.request_code(parse_phone_number(PHONE)), CodeRequested)


def redeem() -> None:
    answer: object = services.redeem_code(last_code(), phone_number=parse_phone_number(NEW))
    assert isinstance(answer, Redeemed)


def unlock() -> None:
    services.unlock_number(OLD)


def give_back() -> None:
    services.give_back_messages(OLD)


def invalidate() -> None:
    assert services.invalidate_codes(OTPCode.objects.all()) == 1


def forget() -> None:
    assert services.forget_limit("country:BJ") is False


def claim_probe() -> None:
    assert circuits.claim_probe("default") == 0


@pytest.mark.parametrize(
    "act",
    [
        *(purge, roll_up, renumber, request, redeem, unlock),
        *(give_back, invalidate, forget, claim_probe),
    ],
)
def test_a_writer_waits_for_another(act: Callable[[], None]) -> None:
    at = timezone.now() - timedelta(days=40)
    OTPCodeFactory.create(phone_number=OLD, created_at=at, sent_at=at)
    VerifiedPhoneFactory.create(phone_number=OLD)
    services.request_code(parse_phone_number(NEW))
    with another_writer():
        act()


def test_an_import_waits_for_another_writer(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text(f"user,phone_number\n{UserFactory.create().pk},{NEW}\n")
    with another_writer():
        call_command("import_verified_phones", csv=numbers, verbosity=0)
    assert VerifiedPhone.objects.get().phone_number == NEW
