"""What a gateway takes for fraud blocks the neighbours that open no account."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.controls import Policy, note_fraud
from django_sms_otp.controls.callers import Caller
from django_sms_otp.controls.hooks import SendAttempt
from django_sms_otp.delivery import deliver_queued
from django_sms_otp.exceptions import DeliveryBlocked
from django_sms_otp.limits.keys import LimitKey
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
SUSPECT, NEIGHBOUR, CUSTOMER = (f"+1415555{number}" for number in (2100, 2101, 2102))
ELSEWHERE = "+14155562100"
KEY = LimitKey("prefix", "+1415555")
ROW = Limit.objects.filter(kind=KEY.kind, subject=KEY.subject)

handed_over: list[str] = []


class SuspiciousBackend(BaseSMSBackend):
    """Takes one number for a fraudster's."""

    def send(self, message: SMSMessage) -> SendResult:
        handed_over.append(message.to)
        if message.to == SUSPECT:
            raise DeliveryBlocked("Fraud.", error_code="30450")
        return SendResult(message_id="m1")


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[time_machine.Traveller]:
    path = f"{__name__}.{SuspiciousBackend.__name__}"
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": path}}
    settings.SMS_OTP = {"CONVERSION_BREAKER": {}}
    handed_over.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def asks(text: str) -> CodeRequested | RequestRefused:
    return services.request_code(parse_phone_number(text))


def gets(text: str) -> bool:
    """Tell whether a message for this number was handed over; the answer is the same."""
    handed_over.clear()
    assert isinstance(asks(text), CodeRequested)
    return handed_over == [text]


def test_neighbours_get_nothing_for_twelve_hours(clock: time_machine.Traveller) -> None:
    assert gets(NEIGHBOUR)
    assert gets(SUSPECT)

    clock.shift(timedelta(hours=11, minutes=59))
    assert not gets(NEIGHBOUR)
    assert gets(ELSEWHERE)
    assert OTPCode.objects.filter(withheld_by="breaker").count() == 1

    clock.shift(timedelta(minutes=2))
    assert gets(NEIGHBOUR)


def test_customers_go_on() -> None:
    VerifiedPhoneFactory.create(phone_number=CUSTOMER)
    asks(SUSPECT)

    assert gets(CUSTOMER)
    assert not gets(NEIGHBOUR)


@override_sms_otp(CONVERSION_BREAKER=None)
def test_without_a_breaker_nothing_is_blocked_while_callers_wait() -> None:
    asks(SUSPECT)

    assert gets(NEIGHBOUR)
    assert not ROW.exists()


@override_sms_otp(CONVERSION_BREAKER=None, DELIVERY="celery")
def test_without_a_breaker_a_worker_blocks_all_the_same() -> None:
    number = parse_phone_number(SUSPECT)
    note_fraud(number)

    assert ROW.get().state["blocked_until"] > NOON.timestamp()
    attempt = SendAttempt(phone_number=number, purpose="login")
    screening = Policy(attempt, Caller.of(None, None), timedelta(minutes=10))
    assert screening.row_keys == [KEY]


def test_the_suspect_itself_is_not_handed_over_again(clock: time_machine.Traveller) -> None:
    assert gets(SUSPECT)
    clock.shift(timedelta(hours=1))
    assert not gets(SUSPECT)


def test_a_customer_that_is_taken_for_a_fraudster_is_handed_over_each_time(
    clock: time_machine.Traveller,
) -> None:
    VerifiedPhoneFactory.create(phone_number=SUSPECT)
    assert gets(SUSPECT)
    clock.shift(timedelta(hours=1))
    assert gets(SUSPECT)
    clock.shift(timedelta(hours=11, minutes=1))
    assert gets(NEIGHBOUR), "a block does not grow"


def test_the_log_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "django_sms_otp"):
        for _ in range(2):
            note_fraud(parse_phone_number(SUSPECT))

    assert [each.getMessage() for each in caplog.records] == [
        f"Breaker {KEY}: the gateway saw fraud, blocked."
    ]


def test_a_worker_blocks_the_prefix_too(settings: Any) -> None:
    asks(NEIGHBOUR)
    waiting = OTPCode.objects.get()
    OTPCode.objects.update(
        phone_number=SUSPECT, delivery_state="pending", claimed_at=None, message_id=""
    )
    deliver_queued(waiting.pk)

    assert ROW.get().state["blocked_until"] > NOON.timestamp()


@pytest.mark.parametrize("mode", ["record", "off"])
def test_a_breaker_that_is_not_enforced_blocks_nothing(mode: str) -> None:
    with override_sms_otp(CONTROL_MODES={"breaker": mode}):
        asks(SUSPECT)

        assert gets(NEIGHBOUR)
    assert gets(CUSTOMER)


@pytest.mark.parametrize(
    ("mode", "passes"), [("record", True), ("off", True), ("enforce", False)]
)
def test_a_block_holds_as_long_as_the_breaker_is_enforced(mode: str, passes: bool) -> None:
    asks(SUSPECT)

    with override_sms_otp(CONTROL_MODES={"breaker": mode}):
        assert gets(NEIGHBOUR) is passes


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_where_the_site_tells_who_has_an_account_nothing_is_hidden() -> None:
    for number in (SUSPECT, CUSTOMER):
        VerifiedPhoneFactory.create(phone_number=number)
    asks(SUSPECT)

    assert gets(CUSTOMER)
    stranger: object = asks(NEIGHBOUR)
    assert isinstance(stranger, RequestRefused)
    assert stranger.reason == "unknown_phone_number"


def test_a_database_that_is_down_leaves_the_answer_neutral(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("django_sms_otp.controls.breakers.change_limit", fail)

    assert isinstance(asks(SUSPECT), CodeRequested)


@pytest.mark.parametrize("is_blocked", [False, True])
def test_a_block_costs_every_neighbour_the_same(is_blocked: bool) -> None:
    VerifiedPhoneFactory.create(phone_number=CUSTOMER)
    if is_blocked:
        asks(SUSPECT)

    # Whether they open an account is looked up for all of them, and for nobody else.
    assert statements_of(CUSTOMER) == statements_of(NEIGHBOUR)


def statements_of(text: str) -> int:
    """Count what a request costs, but for the count of withheld messages."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        asks(text)
    aside = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    counts = HourlyCount._meta.db_table
    return len([sql for sql in seen if not sql.startswith(aside) and counts not in sql])
