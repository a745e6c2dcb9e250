"""Claims of the page "Security model" that no other test shows over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from django_sms_otp import testing
from django_sms_otp.controls import hooks
from django_sms_otp.models import HourlyCount
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import VERIFY_PHONE, request_code
from tests.conftest import PHONE, Post, last_code, wrong
from tests.support.factories import VerifiedPhoneFactory

NEIGHBOUR = "+14155552672"
START = datetime(2027, 1, 15, 10, tzinfo=UTC)

HOLDS_BACK: dict[str, dict[str, Any]] = {
    "prefix": {"LIMITS": {"prefix": "1/h"}},
    "budget": {"UNVERIFIED_BUDGET": {"country_hour": 1}},
    "breaker": {"CONVERSION_BREAKER": {"least": 1}},
}


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def hold_back_unverified_numbers(clock: time_machine.Traveller) -> None:
    request_code(parse_phone_number("+14155550000"))
    clock.shift(timedelta(minutes=15))
    testing.outbox.clear()


@pytest.mark.parametrize("control", HOLDS_BACK)
def test_a_withheld_message_is_answered_like_a_sent_one(
    control: str, clock: time_machine.Traveller, get_code: Post
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    with testing.override_sms_otp(**HOLDS_BACK[control]):
        hold_back_unverified_numbers(clock)
        for _ in range(2):
            known = get_code(phone_number=PHONE)
            unknown = get_code(phone_number=NEIGHBOUR)
            assert known.status_code == unknown.status_code
            assert dict(known.headers) == dict(unknown.headers)
            known_body, unknown_body = known.json(), unknown.json()
            assert known_body.pop("request_id", "") != unknown_body.pop("request_id", None)
            assert known_body == unknown_body
    assert [each.to for each in testing.outbox] == [PHONE]
    assert HourlyCount.objects.get(event=f"withheld:{control}").count == 1


@pytest.mark.parametrize("control", HOLDS_BACK)
def test_a_site_that_tells_who_has_an_account_refuses_openly(
    control: str, clock: time_machine.Traveller
) -> None:
    with testing.override_sms_otp(**HOLDS_BACK[control]):
        hold_back_unverified_numbers(clock)
        with testing.override_sms_otp(UNKNOWN_NUMBERS="reject"):
            answer: Any = request_code(parse_phone_number(PHONE), purpose=VERIFY_PHONE)
    assert answer.reason == "quota_exceeded"


def test_a_disabled_number_is_told_of_no_end(get_code: Post, auth_code: Post) -> None:
    with testing.override_sms_otp(COOLDOWN=[], MAX_CONSECUTIVE_FAILURES=1):
        get_code()
        auth_code(phone_number=PHONE, code=wrong(last_code()))
        for answer in (get_code(), auth_code(phone_number=PHONE, code=last_code())):
            assert answer.status_code == 429
            assert answer.json()["code"] == "too_many_attempts"
            assert "Retry-After" not in answer.headers


class BrokenChallenge(hooks.Challenge):
    def passes(self, attempt: hooks.SendAttempt) -> bool:
        raise TimeoutError(attempt.phone_number.e164)


class BrokenLookup(hooks.NumberLookup):
    def look_up(self, attempt: hooks.SendAttempt) -> hooks.Verdict:
        raise TimeoutError(attempt.phone_number.e164)


@pytest.mark.parametrize("mode", ["record", "enforce"])
@pytest.mark.parametrize(
    "policy",
    [
        {"CHALLENGE": f"{__name__}.BrokenChallenge"},
        {"NUMBER_LOOKUP": f"{__name__}.BrokenLookup"},
    ],
    ids=str,
)
def test_a_hook_that_fails_stops_the_message(
    policy: dict[str, Any], mode: str, get_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    modes = {"challenge": mode, "lookup": mode}
    with testing.override_sms_otp(CONTROL_MODES=modes, **policy):
        answer = get_code()
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["Retry-After"] == "30"
    assert not testing.outbox
    assert PHONE not in caplog.text
