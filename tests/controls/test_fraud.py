"""SMS pumping: the budget of unverified numbers, the breaker, the hooks, the counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import time_machine
from django.core.management import call_command
from django.test.utils import override_settings

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.conf import get_settings
from django_sms_otp.controls.base import Subject, Violation
from django_sms_otp.controls.callers import Caller
from django_sms_otp.controls.external import ChallengeControl
from django_sms_otp.controls.hooks import Challenge, NumberLookup, SendAttempt, Verdict
from django_sms_otp.db import NumberRow
from django_sms_otp.delivery import code_of
from django_sms_otp.exceptions import NotDelivered, Unavailable
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RedemptionRefused, RequestRefused
from django_sms_otp.signals import breaker_tripped, code_redeemed
from django_sms_otp.stats.rollup import busiest_day
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
US = [f"+1415555{number}" for number in range(2100, 2900)]
ELSEWHERE = ["+4915112345678", "+33612345678", "+447400123456", "+34612345678"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def request(text: str, ip: str | None = None) -> object:
    return services.request_code(parse_phone_number(text), ip_address=ip)


def redeem(text: str, ip: str | None = None) -> None:
    answer: object = services.redeem_code(
        last_code(), phone_number=parse_phone_number(text), ip_address=ip
    )
    assert isinstance(answer, Redeemed)


def sent(numbers: list[str], ip: str | None = None) -> int:
    """Ask for all of them; all are answered alike. Return how many messages went out."""
    before = len(outbox)
    for text in numbers:
        assert isinstance(request(text, ip), CodeRequested)
    return len(outbox) - before


# The budget


@override_sms_otp(UNVERIFIED_BUDGET={})
def test_a_country_has_three_unredeemed_messages_in_an_hour(
    clock: time_machine.Traveller,
) -> None:
    assert sent(US[:6]) == 3
    assert OTPCode.objects.get(phone_number=US[5]).withheld_by == "budget"
    assert sent(ELSEWHERE[:1]) == 1
    # The last of the hour leaves with the five minutes that it is counted in.
    clock.shift(timedelta(hours=1, minutes=5))
    assert sent(US[6:12]) == 3


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 1000, "country_day": 7})
def test_a_country_has_a_budget_of_a_day(clock: time_machine.Traveller) -> None:
    total = 0
    for hour in range(20):
        total += sent(US[hour * 2 : hour * 2 + 2])
        clock.shift(timedelta(hours=1))
    assert total == 7
    clock.shift(timedelta(hours=25))
    assert sent(US[100:110]) == 7


@override_sms_otp(UNVERIFIED_BUDGET={})
def test_what_is_redeemed_makes_room() -> None:
    for text in US[:20]:
        assert sent([text]) == 1
        redeem(text)
    assert sent(US[20:30]) == 4  # A fifth of the twenty that were redeemed in this hour.


@override_sms_otp(UNVERIFIED_BUDGET={})
def test_who_redeems_by_the_id_of_a_request_alone_is_counted_and_told_of() -> None:
    heard: list[Any] = []

    def hear(phone_number: Any, **_kwargs: Any) -> None:
        heard.append(phone_number)

    answer = request(US[0])
    assert isinstance(answer, CodeRequested)
    code_redeemed.connect(hear)
    try:
        services.redeem_code(last_code(), request_id=answer.request_id)
    finally:
        code_redeemed.disconnect(hear)
    assert heard == [parse_phone_number(US[0])]
    row = Limit.objects.get(kind="country", subject="US")
    [cohort] = SharedCounters.from_json(row.state).cohorts
    assert (cohort.sent, cohort.redeemed) == (1, 1)


@override_sms_otp(UNVERIFIED_BUDGET={})
def test_a_busy_country_has_a_larger_budget() -> None:
    HourlyCount.objects.create(
        event="redeemed", region="US", hour=NOON - timedelta(days=3), count=600
    )
    assert busiest_day("US") == 600
    assert sent(US[:30]) == 20  # A fifth of 600, by six hours of a busy day.


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 100})
def test_an_address_has_five_unredeemed_messages_in_an_hour() -> None:
    assert sent(US[:8], ip="203.0.113.9") == 5
    assert sent(US[8:9], ip="203.0.113.10") == 1


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 100})
def test_a_login_gives_its_address_its_message_back() -> None:
    for text in US[:8]:
        assert sent([text], ip="203.0.113.9") == 1
        redeem(text, ip="203.0.113.9")


@override_sms_otp(UNVERIFIED_BUDGET={"ip_hour": 100, "country_hour": 100})
def test_an_address_reaches_three_countries_that_it_never_logged_in_from() -> None:
    assert sent(ELSEWHERE, ip="203.0.113.9") == 3
    assert sent(["+390612345678"], ip="203.0.113.10") == 1


@override_sms_otp(UNVERIFIED_BUDGET={"ip_hour": 100, "country_hour": 100})
def test_a_country_of_a_login_does_not_count(clock: time_machine.Traveller) -> None:
    assert sent(ELSEWHERE[:1], ip="203.0.113.9") == 1
    redeem(ELSEWHERE[0], ip="203.0.113.9")
    assert sent(ELSEWHERE[1:], ip="203.0.113.9") == 3


@override_sms_otp(UNVERIFIED_BUDGET={}, COOLDOWN=[])
def test_verified_numbers_need_no_budget_and_use_none() -> None:
    for text in US[:5]:
        VerifiedPhoneFactory.create(phone_number=text)
    assert sent(US[:5], ip="203.0.113.9") == 5
    assert sent(US[5:10], ip="203.0.113.9") == 3
    assert sent(US[:5]) == 5


@override_sms_otp(UNVERIFIED_BUDGET={}, CONTROL_MODES={"budget": "record"})
def test_a_budget_that_records_lets_pass() -> None:
    assert sent(US[:5]) == 5
    assert HourlyCount.objects.get(event="recorded:budget").count == 2


# The breaker


@pytest.fixture
def trips() -> Iterator[list[dict[str, Any]]]:
    heard: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        heard.append({name: kwargs[name] for name in ("key", "conversion", "blocked_until")})

    breaker_tripped.connect(hear)
    yield heard
    breaker_tripped.disconnect(hear)


BREAKER = override_sms_otp(CONVERSION_BREAKER={})


def traffic(numbers: list[str], redeemed: int) -> None:
    for position, text in enumerate(numbers):
        assert sent([text]) == 1
        if position < redeemed:
            redeem(text)


@BREAKER
def test_low_conversion_blocks_for_twelve_hours_and_says_so_once(
    clock: time_machine.Traveller, trips: list[dict[str, Any]]
) -> None:
    traffic(US[:20], redeemed=3)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:25]) == 0
    assert {trip["key"] for trip in trips} == {"country:US", "prefix:+1415555"}
    assert len(trips) == 2
    assert trips[0]["conversion"] == pytest.approx(0.15)
    assert round((trips[0]["blocked_until"] - NOON).total_seconds() / 60) == 12 * 60 + 11
    assert OTPCode.objects.get(phone_number=US[24]).withheld_by == "breaker"
    clock.shift(timedelta(hours=11, minutes=58))
    assert sent(US[25:26]) == 0
    clock.shift(timedelta(minutes=3))
    assert sent(US[26:27]) == 1


@BREAKER
def test_verified_numbers_pass_an_open_breaker(clock: time_machine.Traveller) -> None:
    traffic(US[:20], redeemed=0)
    clock.shift(timedelta(minutes=11))
    VerifiedPhoneFactory.create(phone_number=PHONE)
    assert sent(US[20:22]) == 0
    assert sent([PHONE]) == 1


@BREAKER
def test_another_country_is_not_blocked(clock: time_machine.Traveller) -> None:
    traffic(US[:20], redeemed=0)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:21]) == 0
    assert sent(ELSEWHERE[:1]) == 1


@BREAKER
@pytest.mark.parametrize(("redeemed", "alarms"), [(7, 0), (6, 2), (4, 2)])
def test_conversion_that_sinks_is_told_before_it_blocks(
    clock: time_machine.Traveller, trips: list[dict[str, Any]], redeemed: int, alarms: int
) -> None:
    traffic(US[:20], redeemed)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:25]) == 5
    assert [trip["blocked_until"] for trip in trips] == [None] * alarms


@BREAKER
def test_young_codes_are_not_judged(clock: time_machine.Traveller) -> None:
    traffic(US[:40], redeemed=0)
    clock.shift(timedelta(minutes=4))
    assert sent(US[40:50]) == 10


@BREAKER
def test_a_few_codes_are_not_judged(clock: time_machine.Traveller) -> None:
    traffic(US[:19], redeemed=0)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:22]) == 2


@override_sms_otp(CONVERSION_BREAKER={}, UNKNOWN_NUMBERS="reject")
def test_where_unknown_numbers_are_rejected_all_others_are_verified() -> None:
    for text in US[:2]:
        VerifiedPhoneFactory.create(phone_number=text)
    assert sent(US[:2]) == 2


# Hooks


class OnlyTheWord(Challenge):
    asked: list[SendAttempt] = []

    def passes(self, attempt: SendAttempt) -> bool:
        self.asked.append(attempt)
        if attempt.response == "break":
            raise RuntimeError(f"{attempt.phone_number.e164} is odd")
        return attempt.response == "human"


class ByLastDigit(NumberLookup):
    def look_up(self, attempt: SendAttempt) -> Verdict:
        found = {"1": Verdict.NOT_SMS_CAPABLE, "2": Verdict.FRAUD}
        return found.get(attempt.phone_number.e164[-1], Verdict.GOOD)


CHALLENGE = override_sms_otp(CHALLENGE=f"{__name__}.OnlyTheWord")


class WaitsForAnother(Challenge):
    """Each answer comes only when another caller's is being made."""

    both = threading.Barrier(2, timeout=5)

    def passes(self, attempt: SendAttempt) -> bool:
        self.both.wait()
        return True


@override_sms_otp(CHALLENGE=f"{__name__}.WaitsForAnother")
def test_nobody_waits_for_the_slow_challenge_of_another_caller() -> None:
    def findings(text: str) -> list[Violation]:
        attempt = SendAttempt(phone_number=parse_phone_number(text), purpose="login")
        subject = Subject(
            attempt=attempt,
            caller=Caller(),
            lifetime=timedelta(minutes=10),
            settings=get_settings(),
        )
        return list(ChallengeControl(subject).check(cast("NumberRow", None)))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(findings, US[:2])) == [[], []]


@CHALLENGE
@pytest.mark.parametrize("response", [None, "", "robot"])
def test_a_failed_challenge_sends_nothing(get_code: Post, response: str | None) -> None:
    answer = get_code(phone_number=PHONE, challenge=response)
    assert (answer.status_code, body_of(answer)["code"]) == (403, "challenge_required")
    assert not OTPCode.objects.exists()
    # What a provider was asked about counts for the address.
    assert Limit.objects.filter(kind="ip", uses=1).count() == (response == "robot")
    assert not Limit.objects.exclude(kind="ip").exists()


@CHALLENGE
def test_a_passed_challenge_is_asked_once_with_what_the_client_sent(get_code: Post) -> None:
    OnlyTheWord.asked.clear()
    assert get_code(phone_number=PHONE, challenge="human").status_code == 202
    [attempt] = OnlyTheWord.asked
    assert (attempt.phone_number.e164, attempt.ip_address) == (PHONE, "127.0.0.1")
    assert "human" not in repr(attempt)


@CHALLENGE
def test_who_must_wait_is_not_challenged(get_code: Post) -> None:
    get_code(phone_number=PHONE, challenge="human")
    OnlyTheWord.asked.clear()
    answer = get_code(phone_number=PHONE, challenge="robot")
    assert body_of(answer)["code"] == "cooldown"
    assert not OnlyTheWord.asked


@CHALLENGE
def test_a_broken_challenge_fails_closed_and_leaks_nothing(
    get_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    answer = get_code(phone_number=PHONE, challenge="break")
    assert (answer.status_code, body_of(answer)["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "30"
    assert not outbox
    assert "RuntimeError" in caplog.text
    assert "14155552671" not in caplog.text


@override_sms_otp(CHALLENGE=f"{__name__}.OnlyTheWord", CONTROL_MODES={"challenge": "record"})
def test_a_challenge_that_records_lets_pass(get_code: Post) -> None:
    assert get_code(phone_number=PHONE).status_code == 202
    assert OTPCode.objects.get().recorded == "challenge"


@override_sms_otp(CHALLENGE=f"{__name__}.OnlyTheWord", CONTROL_MODES={"challenge": "off"})
def test_a_challenge_that_is_off_is_not_asked(get_code: Post) -> None:
    OnlyTheWord.asked.clear()
    assert get_code(phone_number=PHONE).status_code == 202
    assert not OnlyTheWord.asked


@override_sms_otp(NUMBER_LOOKUP=f"{__name__}.ByLastDigit")
def test_a_lookup_refuses_landlines_and_withholds_from_fraudsters() -> None:
    refused = request("+14155552671")
    assert refused == RequestRefused(reason="phone_number_not_sms_capable")
    assert sent(["+14155552672"]) == 0
    assert sent(["+14155552673"]) == 1


@override_sms_otp(CHALLENGE=f"{__name__}.Nothing")
def test_a_hook_that_is_no_hook_is_an_error_of_the_settings() -> None:
    with pytest.raises(Exception, match="CHALLENGE"):
        request(PHONE)
    assert not Limit.objects.exists()


def test_unavailable_says_how_long_to_wait() -> None:
    assert Unavailable().retry_after == timedelta(seconds=30)


# What the breaker and the budget must not take for an attack


class Down(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("Down.")


@override_sms_otp(CONVERSION_BREAKER={}, UNVERIFIED_BUDGET={}, COOLDOWN=[])
def test_a_gateway_that_is_down_is_no_attack(clock: time_machine.Traveller) -> None:
    backends = {"default": {"BACKEND": f"{__name__}.Down"}}
    with override_settings(SMS_OTP_BACKENDS=backends):
        for text in US[:40]:
            assert isinstance(request(text), RequestRefused)
    clock.shift(timedelta(minutes=11))
    assert sent(US[40:43]) == 3


@BREAKER
def test_a_code_is_judged_five_minutes_after_the_last_of_its_cohort(
    clock: time_machine.Traveller,
) -> None:
    clock.move_to(NOON + timedelta(minutes=4, seconds=50))
    traffic(US[:20], redeemed=0)
    clock.shift(timedelta(minutes=5))
    assert sent(US[20:21]) == 1
    clock.shift(timedelta(seconds=11))
    assert sent(US[21:22]) == 0


@override_sms_otp(CONVERSION_BREAKER={}, CONTROL_MODES={"breaker": "record"})
def test_a_breaker_that_records_blocks_nobody_later(
    clock: time_machine.Traveller, trips: list[dict[str, Any]]
) -> None:
    traffic(US[:20], redeemed=0)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:22]) == 2
    assert {trip["blocked_until"] for trip in trips} == {None}
    clock.shift(timedelta(hours=2))
    with override_sms_otp(CONTROL_MODES={}):
        assert sent(US[22:23]) == 1


@override_sms_otp(CONVERSION_BREAKER={"block_for": timedelta(days=3)})
def test_no_purge_lifts_a_block(clock: time_machine.Traveller) -> None:
    traffic(US[:20], redeemed=0)
    clock.shift(timedelta(minutes=11))
    assert sent(US[20:21]) == 0
    clock.shift(timedelta(days=2))
    call_command("purge_otp_codes", older_than=timedelta(0))
    assert sent(US[21:22]) == 0


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 1})
def test_a_withheld_code_opens_nothing_even_if_it_is_guessed() -> None:
    assert sent(US[:2]) == 1
    code = code_of(OTPCode.objects.get(phone_number=US[1]))
    assert code
    for _ in range(2):
        answer: object = services.redeem_code(code, phone_number=parse_phone_number(US[1]))
        assert answer == RedemptionRefused(reason="invalid_code")
    assert OTPCode.objects.get(phone_number=US[1]).failed_attempts == 2


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 1}, COOLDOWN=[])
def test_a_code_that_was_sent_before_it_was_withheld_is_good() -> None:
    assert sent([US[0], US[0]]) == 1
    redeem(US[0])


@override_sms_otp(UNVERIFIED_BUDGET={}, LIMITS={"ip": "1/h"}, CONTROL_MODES={"ip": "record"})
def test_a_verified_number_stays_exempt_where_something_is_recorded() -> None:
    for text in US[:2]:
        VerifiedPhoneFactory.create(phone_number=text)
    assert sent(US[:2], ip="203.0.113.9") == 2
    assert OTPCode.objects.get(phone_number=US[1]).recorded == "ip"
    redeem(US[1], ip="203.0.113.9")
    assert not Limit.objects.get(kind="country", subject="US").state.get("cohorts")


@pytest.mark.parametrize("mode", ["record", "off"])
def test_a_number_type_that_is_not_enforced_passes(get_code: Post, mode: str) -> None:
    with override_sms_otp(
        REFUSED_NUMBER_TYPES=["VOIP", "UNKNOWN"], CONTROL_MODES={"number_type": mode}
    ):
        assert get_code(phone_number="+18005550199").status_code == 202
        assert get_code(phone_number="+12345").status_code == 400
    recorded = HourlyCount.objects.filter(event="recorded:number_type")
    assert recorded.count() == (1 if mode == "record" else 0)
