"""What the budget and the breaker count: every message that left, and every login."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from django_sms_otp import services
from django_sms_otp.controls import cohorts
from django_sms_otp.db import LimitRow, Write, change_limit
from django_sms_otp.delivery import code_of
from django_sms_otp.exceptions import Contention
from django_sms_otp.limits.keys import LimitKey
from django_sms_otp.limits.shared import DAY, SharedCounters
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.purposes import VERIFY_PHONE
from django_sms_otp.results import CodeRequested, Redeemed, RequestRefused
from django_sms_otp.signals import breaker_tripped
from django_sms_otp.testing import outbox, override_sms_otp

from ..support.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBERS = [parse_phone_number(f"+1415555{number}") for number in range(2100, 2300)]
PEOPLE = 24
AMPLE = dict.fromkeys(("country_day", "country_hour", "ip_day", "ip_hour"), 10**4)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def counted(kind: str) -> tuple[int, int]:
    """Return the messages and the redeemed ones of the only row of a kind."""
    row = Limit.objects.get(kind=kind)
    found = SharedCounters.from_json(row.state).cohorts
    return sum(each.sent for each in found), sum(each.redeemed for each in found)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
@override_sms_otp(CONVERSION_BREAKER={}, UNVERIFIED_BUDGET=AMPLE, LIMITS={"ip": None})
def test_every_message_and_every_login_is_counted_at_any_load() -> None:
    numbers, lock = iter(NUMBERS), threading.Lock()

    def log_in() -> None:
        for _ in range(3):
            with lock:
                number = next(numbers)
            services.request_code(number, ip_address="203.0.113.9")
            code = code_of(OTPCode.objects.get(phone_number=number.e164))
            answer: object = services.redeem_code(
                code or "", phone_number=number, ip_address="203.0.113.9"
            )
            assert isinstance(answer, Redeemed)

    in_threads(PEOPLE, log_in)
    assert {kind: counted(kind) for kind in ("country", "prefix", "ip")} == dict.fromkeys(
        ("country", "prefix", "ip"), (3 * PEOPLE, 3 * PEOPLE)
    )


@override_sms_otp(CONVERSION_BREAKER={}, UNVERIFIED_BUDGET=AMPLE)
def test_a_count_that_fails_is_logged_and_fails_no_login(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def change_others(key: LimitKey, change: Callable[[LimitRow], Write | None]) -> None:
        if str(key) == "country:US":
            raise Contention
        change_limit(key, change)

    monkeypatch.setattr(cohorts, "change_limit", change_others)
    services.request_code(NUMBERS[0], ip_address="203.0.113.9")
    code = outbox[-1].code
    assert code
    answer: object = services.redeem_code(
        code, phone_number=NUMBERS[0], ip_address="203.0.113.9"
    )
    assert isinstance(answer, Redeemed)
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert errors == ["Cohorts were not counted: Contention."]
    # One row that is busy costs the others nothing.
    assert [counted(kind) for kind in ("country", "prefix", "ip")] == [(1, 0), (1, 1), (1, 1)]


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 2, "country_day": 2})
def test_what_was_withheld_holds_nobody_up(clock: time_machine.Traveller) -> None:
    numbers = itertools.cycle(NUMBERS)
    for _ in range(12):
        services.request_code(next(numbers))
    assert len(outbox) == 2
    assert counted("country") == (2, 0)
    for _ in range(5):
        clock.shift(timedelta(hours=4))
        services.request_code(next(numbers))
    assert counted("country") == (2, 0)
    # A day and the hour of its cohort after the last message that left.
    clock.move_to(NOON + timedelta(hours=25, minutes=1))
    services.request_code(next(numbers))
    assert len(outbox) == 3


def test_a_message_counts_for_a_day_and_the_rest_of_its_hour() -> None:
    start = 1_700_000_000 // 3600 * 3600
    state = SharedCounters().with_sent(start + 1)
    assert state.last(DAY, start + DAY + 1800).sent == 1
    assert state.last(DAY, start + DAY + 3600 - 1).sent == 1
    assert state.last(DAY, start + DAY + 3660).sent == 0


@override_sms_otp(CONVERSION_BREAKER={}, UNKNOWN_NUMBERS="reject")
def test_a_breaker_that_refuses_openly_blocks_and_says_so(
    clock: time_machine.Traveller,
) -> None:
    heard: list[str] = []

    def hear(key: str, **_: object) -> None:
        heard.append(key)

    breaker_tripped.connect(hear)
    for number in NUMBERS[:20]:
        assert isinstance(services.request_code(number, purpose=VERIFY_PHONE), CodeRequested)
    clock.shift(timedelta(minutes=11))
    refused = services.request_code(NUMBERS[20], purpose=VERIFY_PHONE)
    breaker_tripped.disconnect(hear)
    assert isinstance(refused, RequestRefused)
    assert set(heard) == {"country:US", "prefix:+1415555"}
    row = Limit.objects.get(kind="country")
    assert row.state["blocked_until"] > NOON.timestamp() + 12 * 3600
