"""The caps of a country and the site: what is given back, and what is kept for customers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.delivery import deliver_queued
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import HourlyCount, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..support.engines import DUMMY
from ..support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBERS = [f"+1415555{number}" for number in range(2100, 2200)]
BROKEN = NUMBERS[0]

sent: list[str] = []


class OneIsBroken(BaseSMSBackend):
    """Does not send to one number, for a reason that a test sets."""

    error: DeliveryError = NotDelivered()

    def send(self, message: SMSMessage) -> SendResult:
        if message.to == BROKEN:
            raise self.error
        sent.append(message.to)
        return SendResult()


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[time_machine.Traveller]:
    sent.clear()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.OneIsBroken"}}
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def ask(number: str, ip: str | None = None) -> CodeRequested | RequestRefused:
    return services.request_code(parse_phone_number(number), ip_address=ip)


def answers(numbers: list[str]) -> list[str]:
    found = [ask(number) for number in numbers]
    return [each.reason if isinstance(each, RequestRefused) else "" for each in found]


# What was certainly not sent

NOT_SENT = [
    NotDelivered("21612"),
    DeliveryRefused("21610", code="recipient_opted_out"),
    DeliveryBlocked("30450"),
]


@pytest.mark.usefixtures("counted_in")
@pytest.mark.parametrize("error", NOT_SENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("control", ["site", "country", "prefix"])
@override_sms_otp(COOLDOWN=[], CONTROL_MODES={"breaker": "off"}, RESERVED_SHARE=0)
def test_a_message_that_did_not_leave_is_given_back(
    monkeypatch: pytest.MonkeyPatch, error: DeliveryError, control: str
) -> None:
    monkeypatch.setattr(OneIsBroken, "error", error)
    with override_sms_otp(LIMITS={control: "2/h", "phone": None, "phone_ip": None}):
        for _ in range(5):
            ask(BROKEN)
        answers(NUMBERS[1:4])
    assert sent == NUMBERS[1:3]


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "2/h"}, RESERVED_SHARE=0)
def test_a_message_that_may_have_left_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneIsBroken, "error", DeliveryUnknown("time-out"))
    assert answers(NUMBERS[:3]) == ["delivery_failed", "", "quota_exceeded"]


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "2/h"}, RESERVED_SHARE=0, DELIVERY="tasks")
def test_a_worker_gives_back_too(settings: Any) -> None:
    settings.TASKS = DUMMY
    assert answers(NUMBERS[:3]) == ["", "", "quota_exceeded"]
    deliver_queued(OTPCode.objects.get(phone_number=BROKEN).pk)
    assert answers(NUMBERS[3:5]) == ["", "quota_exceeded"]
    deliver_queued(OTPCode.objects.get(phone_number=BROKEN).pk)
    assert answers(NUMBERS[5:6]) == ["quota_exceeded"]


moments = st.lists(st.integers(0, 7000), min_size=1, max_size=80).map(sorted)


@given(moments, st.integers(0, 79), st.sampled_from(["5/h", "9/h,30/d", "3/10m,20/h"]))
def test_giving_back_frees_one_use_at_most(seconds: list[int], which: int, text: str) -> None:
    rates, counters, passed = parse_rates(text), SharedCounters(), []
    for now in (NOON.timestamp() + each for each in seconds):
        if counters.free_at(rates, now) is None:
            counters = counters.with_use(rates, now)
            passed.append(now)
    at = passed[which % len(passed)]
    returned = counters.without_use(rates, at)
    freed = sum(uses for _, uses in counters.entries) - sum(
        uses for _, uses in returned.entries
    )
    assert freed in {0, 1}
    if at > passed[-1] - min(rate.window for rate in rates):
        assert freed == 1
    assert all(uses > 0 for _, uses in returned.earlier)


def test_a_use_of_a_grain_that_is_gone_frees_nothing() -> None:
    rates = parse_rates("5/m")
    counters = SharedCounters().with_use(rates, 1000).with_use(rates, 2000)
    assert counters.without_use(rates, 1000) == counters


# What is kept for customers


@pytest.mark.usefixtures("counted_in")
@pytest.mark.parametrize("control", ["site", "country"])
def test_strangers_leave_a_fifth_of_a_cap_to_customers(control: str) -> None:
    customers = NUMBERS[50:55]
    for number in customers:
        VerifiedPhoneFactory.create(phone_number=number)
    with override_sms_otp(LIMITS={control: "10/h"}):
        # All are answered alike: a refusal would tell who has an account.
        assert answers(NUMBERS[1:13]) == [""] * 12
        assert sent == NUMBERS[1:9]
        assert OTPCode.objects.get(phone_number=NUMBERS[12]).withheld_by == control
        assert answers(customers[:2]) == ["", ""]
        assert sent[8:] == customers[:2]
        assert answers([customers[2], NUMBERS[20]]) == ["quota_exceeded"] * 2
    assert HourlyCount.objects.get(event=f"withheld:{control}").count == 4


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "10/h"}, UNKNOWN_NUMBERS="reject")
def test_a_site_that_tells_who_has_an_account_has_the_cap_for_all_of_them() -> None:
    for number in NUMBERS[1:12]:
        VerifiedPhoneFactory.create(phone_number=number)
    assert answers(NUMBERS[1:12]) == [""] * 10 + ["quota_exceeded"]


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "10/h"}, CONTROL_MODES={"site": "record"})
def test_a_cap_that_only_records_keeps_nothing() -> None:
    assert answers(NUMBERS[1:13]) == [""] * 12
    assert len(sent) == 12


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "10/h"})
def test_strangers_get_the_rest_when_the_hour_is_over(clock: time_machine.Traveller) -> None:
    answers(NUMBERS[1:13])
    clock.shift(timedelta(minutes=61))
    answers(NUMBERS[13:14])
    assert sent[8:] == NUMBERS[13:14]
