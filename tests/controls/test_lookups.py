"""A look-up costs money: it is counted before it is made, whatever its answer is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import override_settings

from django_sms_otp import services
from django_sms_otp.controls import external
from django_sms_otp.controls.hooks import Challenge, NumberLookup, SendAttempt, Verdict
from django_sms_otp.exceptions import Unavailable
from django_sms_otp.models import HourlyCount, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.testing import outbox, override_sms_otp

from ..support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBERS = [f"+1415555{number}" for number in range(2100, 2200)]
LANDLINE = RequestRefused(reason="phone_number_not_sms_capable")
LOOKUP = {"NUMBER_LOOKUP": f"{__name__}.Lookup"}

looked_up: list[str] = []
verdicts: dict[str, Verdict] = {}
"""All others are landlines."""


class Lookup(NumberLookup):
    def look_up(self, attempt: SendAttempt) -> Verdict:
        looked_up.append(attempt.phone_number.e164)
        if attempt.phone_number.e164 == NUMBERS[99]:
            raise RuntimeError("no answer")
        return verdicts.get(attempt.phone_number.e164, Verdict.NOT_SMS_CAPABLE)


class NobodyPasses(Challenge):
    asked = 0

    def passes(self, attempt: SendAttempt) -> bool:
        type(self).asked += attempt.response is not None
        return False


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    looked_up.clear()
    verdicts.clear()
    cache.clear()
    with time_machine.travel(NOON, tick=False) as traveller, override_sms_otp(**LOOKUP):
        yield traveller


def ask(number: str, ip: str = "203.0.113.9", **fields: Any) -> CodeRequested | RequestRefused:
    return services.request_code(parse_phone_number(number), ip_address=ip, **fields)


def reasons(numbers: list[str], ip: str = "203.0.113.9") -> list[str]:
    answers = [ask(number, ip) for number in numbers]
    return [each.reason if isinstance(each, RequestRefused) else "" for each in answers]


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"ip": "3/h"})
def test_one_address_pays_for_no_more_look_ups_than_its_limit() -> None:
    assert reasons(NUMBERS[:5]) == [LANDLINE.reason] * 3 + ["quota_exceeded"] * 2
    assert looked_up == NUMBERS[:3]
    assert HourlyCount.objects.get(event="refused:ip").count == 2


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"ip": "2/h"})
def test_a_request_counts_once_whether_it_was_looked_up_or_not() -> None:
    verdicts.update(dict.fromkeys(NUMBERS, Verdict.GOOD))
    assert reasons(NUMBERS[:4]) == ["", "", "quota_exceeded", "quota_exceeded"]
    assert len(outbox) == len(looked_up) == 2


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"ip_48": "2/h"})
def test_wider_networks_are_counted_too() -> None:
    for number in range(4):
        ask(NUMBERS[number], ip=f"2001:db8:0:{number}00::1")
    assert len(looked_up) == 2


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"site": "5/h"})
def test_the_site_pays_for_no_more_look_ups_than_its_cap_and_customers_go_on() -> None:
    VerifiedPhoneFactory.create(phone_number=NUMBERS[50])
    verdicts[NUMBERS[60]] = Verdict.GOOD
    callers = [f"203.0.113.{number}" for number in range(5)]
    assert {reasons([n], ip)[0] for n, ip in zip(NUMBERS, callers, strict=False)} == {
        LANDLINE.reason
    }
    # All look-ups are spent, and no message yet. A stranger is not told so.
    assert reasons([NUMBERS[60], NUMBERS[50]], "203.0.113.77") == ["", ""]
    assert [message.to for message in outbox] == [NUMBERS[50]]
    assert OTPCode.objects.get(phone_number=NUMBERS[60]).withheld_by == "lookup"
    assert looked_up == NUMBERS[:5]


@override_sms_otp(LIMITS={"site": "5/h"}, CONTROL_MODES={"lookup": "record"})
def test_the_cap_holds_where_verdicts_are_only_recorded() -> None:
    for number in range(7):
        ask(NUMBERS[number], ip=f"203.0.113.{number}")
    assert len(looked_up) == 5
    # The messages have a cap of their own, of which the last is kept for customers.
    assert len(outbox) == 4


def test_a_suspect_is_withheld_by_the_look_up_unless_it_only_records() -> None:
    verdicts.update(dict.fromkeys(NUMBERS, Verdict.FRAUD))
    assert reasons(NUMBERS[:1]) == [""]
    assert OTPCode.objects.get().withheld_by == "lookup"
    with override_sms_otp(CONTROL_MODES={"lookup": "record"}):
        assert reasons(NUMBERS[1:2]) == [""]
    recorded = OTPCode.objects.get(phone_number=NUMBERS[1])
    assert (recorded.withheld_by, recorded.recorded) == ("", "lookup")
    assert [message.to for message in outbox] == NUMBERS[1:2]


def test_a_number_is_not_paid_for_twice_a_day(clock: time_machine.Traveller) -> None:
    for _ in range(3):
        assert ask(NUMBERS[0]) == LANDLINE
    assert len(looked_up) == 1
    clock.shift(timedelta(hours=25))
    assert ask(NUMBERS[0]) == LANDLINE
    assert len(looked_up) == 2


def test_the_cache_does_not_tell_the_number() -> None:
    attempt = SendAttempt(phone_number=parse_phone_number(NUMBERS[0]), purpose="login")
    ask(NUMBERS[0])
    key = external._cache_key(attempt)
    assert cache.get(key) == Verdict.NOT_SMS_CAPABLE.value
    assert NUMBERS[0][1:] not in key
    with override_sms_otp(SECRET_KEYS=["another"]):
        assert external._cache_key(attempt) != key


@override_sms_otp(LIMITS={"ip": "2/h"})
@override_settings(
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": "/dev/null/cache",
        }
    }
)
def test_a_cache_that_is_down_costs_look_ups_and_no_login() -> None:
    verdicts[NUMBERS[0]] = Verdict.GOOD
    assert reasons([NUMBERS[0]]) == [""]
    assert reasons([NUMBERS[1]] * 2) == [LANDLINE.reason, "quota_exceeded"]


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"ip": "2/h"})
def test_a_look_up_that_fails_stays_counted() -> None:
    for _ in range(2):
        with pytest.raises(Unavailable):
            ask(NUMBERS[99])
    assert reasons([NUMBERS[99]]) == ["quota_exceeded"]
    assert len(looked_up) == 2


@pytest.mark.usefixtures("counted_in")
@override_sms_otp(LIMITS={"ip": "2/h"}, CHALLENGE=f"{__name__}.NobodyPasses")
def test_who_fails_the_challenge_costs_no_look_up_and_few_challenges() -> None:
    NobodyPasses.asked = 0
    required = RequestRefused(reason="challenge_required")
    assert [ask(NUMBERS[0]) for _ in range(3)] == [required] * 3
    answers = [ask(NUMBERS[0], challenge="robot") for _ in range(4)]
    assert answers[:2] == [required] * 2
    assert {each.reason for each in answers[2:]} == {"quota_exceeded"}  # type: ignore[union-attr]
    assert NobodyPasses.asked == 2
    assert not looked_up
