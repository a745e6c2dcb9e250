"""Whose guess it is: no group of callers can spend the guesses of another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.guesses import consecutive

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)
HOME, ELSEWHERE, ATTACKER = "203.0.113.9", "192.0.2.77", "198.51.100.7"

WRONG, SPENT, IN = "invalid_code", "too_many_attempts", "Redeemed"

unlimited_messages = override_sms_otp(COOLDOWN=[], LIMITS={"phone": None, "phone_ip": None})


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def ask(ip: str | None = HOME, **given: Any) -> uuid.UUID:
    answer = services.request_code(NUMBER, ip_address=ip, **given)
    assert isinstance(answer, CodeRequested)
    return answer.request_id


def redeem(code: str, ip: str | None, **given: Any) -> str:
    answer: object = services.redeem_code(code, phone_number=NUMBER, ip_address=ip, **given)
    return str(getattr(answer, "reason", type(answer).__name__))


def guess(ip: str | None, times: int = 1, **given: Any) -> list[str]:
    return [redeem(wrong(last_code()), ip, **given) for _ in range(times)]


def strangers_guess(times: int, clock: time_machine.Traveller) -> None:
    """Have so many guesses evaluated, at codes that somebody else asked for."""
    ask(HOME)
    for _ in range(times):
        while guess("192.0.2.200") != [WRONG]:
            clock.shift(timedelta(minutes=61))
            ask(HOME)


@pytest.mark.parametrize("device", [None, "the cookie of her laptop"])
def test_who_asked_has_guesses_that_strangers_cannot_spend(device: str | None) -> None:
    ask(HOME, device=device)
    assert guess(ATTACKER, 6) == [WRONG] * 5 + [SPENT]
    own = ELSEWHERE if device else HOME  # A device may change its address.
    assert guess(own, 4, device=device) == [WRONG] * 4
    assert redeem(last_code(), own, device=device) == IN


def test_who_asked_has_no_more_guesses_than_strangers() -> None:
    ask(HOME)
    assert guess(HOME, 6) == [WRONG] * 5 + [SPENT]
    assert redeem(last_code(), HOME) == SPENT
    assert OTPCode.objects.get().failed_attempts == 5


@pytest.mark.parametrize("bot", [ATTACKER, HOME], ids=["elsewhere", "at the same address"])
@pytest.mark.parametrize("own", [HOME, ELSEWHERE, None], ids=["at home", "moved", "unknown"])
def test_the_id_of_one_asker_is_theirs_wherever_they_are(bot: str, own: str | None) -> None:
    request_id = ask(HOME)
    assert guess(bot, 6) == [WRONG] * 5 + [SPENT]
    assert guess(own, 4, request_id=request_id) == [WRONG] * 4
    assert redeem(last_code(), own, request_id=request_id) == IN


def test_the_id_brings_no_more_guesses_to_who_guessed_by_it_before() -> None:
    request_id = ask(HOME)
    assert guess(HOME, 2, request_id=request_id) == [WRONG] * 2
    assert guess(HOME, 4) == [WRONG] * 3 + [SPENT]
    assert guess(ELSEWHERE, 4, request_id=request_id) == [WRONG] * 3 + [SPENT]


@unlimited_messages
def test_a_second_asker_cannot_spend_the_guesses_of_the_first() -> None:
    request_id = ask(HOME)
    assert ask(ATTACKER) == request_id, "The same code: the attacker knows its id, too."
    assert guess(ATTACKER, 6, request_id=request_id) == [WRONG] * 5 + [SPENT]
    assert guess("198.51.100.8", 6, request_id=request_id) == [WRONG] * 5 + [SPENT]
    assert guess("198.51.100.9", 6) == [WRONG] * 5 + [SPENT]
    assert guess(HOME, 4) == [WRONG] * 4
    assert redeem(last_code(), HOME, request_id=request_id) == IN


@unlimited_messages
def test_who_asks_again_at_the_same_address_is_the_same_asker() -> None:
    ask(HOME)
    assert guess(HOME, 4) == [WRONG] * 4
    ask(HOME)
    assert OTPCode.objects.count() == 1
    assert guess(HOME, 2) == [WRONG, SPENT]


@unlimited_messages
def test_an_asker_of_one_code_is_a_stranger_to_the_next() -> None:
    ask(ATTACKER)
    assert redeem(last_code(), ATTACKER) == IN
    services.unlock_number(PHONE)
    for number in range(8):  # Nothing is known of the attacker any more.
        ask(f"192.0.2.{number}")
        assert redeem(last_code(), f"192.0.2.{number}") == IN
    ask(HOME)
    assert guess(ELSEWHERE, 5) == [WRONG] * 5
    assert guess(ATTACKER) == [SPENT]


@unlimited_messages
def test_strangers_have_no_code_superseded() -> None:
    request_id = ask(HOME)
    guess(ATTACKER, 5)
    assert ask(ATTACKER) == request_id
    assert ask(HOME) == request_id


@unlimited_messages
def test_another_asker_who_has_spent_their_guesses_has_no_code_superseded() -> None:
    request_id = ask(HOME)
    assert ask(ATTACKER) == request_id
    guess(ATTACKER, 5)
    assert guess(ATTACKER) == [SPENT]
    assert ask(ATTACKER) == request_id
    assert redeem(last_code(), HOME) == IN


@unlimited_messages
@pytest.mark.parametrize("ip", [HOME, None], ids=["asker", "unknown address"])
def test_who_has_spent_a_code_gets_a_new_one(ip: str | None) -> None:
    request_id = ask(ip)
    guess(ip, 5)
    assert ask(ip) != request_id


@unlimited_messages
def test_who_has_spent_the_id_gets_a_new_code() -> None:
    request_id = ask(HOME)
    guess(ELSEWHERE, 5, request_id=request_id)
    assert ask(HOME) != request_id


@unlimited_messages
def test_each_group_has_its_own_waits(clock: time_machine.Traveller) -> None:
    strangers_guess(7, clock)
    assert guess("192.0.2.201") == [SPENT], "All strangers wait."
    ask(ATTACKER)
    guess(ATTACKER, 5)
    ask(HOME)
    assert guess(ATTACKER) == [SPENT], "Their wait goes on at the next code."
    assert guess(HOME) == [WRONG]
    assert redeem(last_code(), HOME) == IN


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_strangers_at_their_bound_do_not_disable_the_number(
    clock: time_machine.Traveller,
) -> None:
    strangers_guess(16, clock)
    assert consecutive() == 16
    clock.shift(timedelta(days=2))
    ask(HOME)
    answer: object = services.redeem_code(last_code(), phone_number=NUMBER, ip_address=ATTACKER)
    assert getattr(answer, "retry_after", 0) is None, "Waiting does not help."
    assert guess(HOME) == [WRONG]
    assert redeem(last_code(), HOME) == IN
    assert consecutive() == 0


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_all_groups_together_stop_at_the_bound_of_each(clock: time_machine.Traveller) -> None:
    ask(HOME)
    assert redeem(last_code(), HOME) == IN
    strangers_guess(16, clock)
    request_id = ask(ATTACKER)
    assert guess(ELSEWHERE, 3, request_id=request_id) == [WRONG, WRONG, SPENT]
    asked = services.request_code(NUMBER, ip_address=ATTACKER)
    assert asked == RequestRefused(reason="too_many_attempts")
    ask(HOME)
    assert guess(HOME, 3) == [WRONG, WRONG, SPENT]
    assert consecutive() == 20


@override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])
def test_where_ids_are_required_nobody_spends_anothers_code() -> None:
    own, other = ask(HOME), ask(ATTACKER)
    assert guess(ATTACKER, 6, request_id=other) == [WRONG] * 5 + [SPENT]
    assert guess(ATTACKER, 6, request_id=uuid.uuid4()) == [WRONG] * 6, "Compared with nothing."
    assert guess(ELSEWHERE, 6, request_id=own) == [WRONG] * 5 + [SPENT]
    assert consecutive() == 10


@override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])
def test_a_login_gives_no_guesses_at_another_live_code_back() -> None:
    own, other = ask(HOME), ask(ATTACKER)
    assert guess(ATTACKER, 5, request_id=other) == [WRONG] * 5
    assert redeem(outbox[0].code or "", HOME, request_id=own) == IN
    assert guess(ATTACKER, 1, request_id=other) == [SPENT]


@unlimited_messages
def test_staff_who_unlock_a_number_give_no_guesses_at_a_live_code_back() -> None:
    ask(HOME)
    guess(HOME, 5)
    services.unlock_number(PHONE)
    assert guess(HOME) == [SPENT]
    ask(HOME)
    assert redeem(last_code(), HOME) == IN


class Gateway(BaseSMSBackend):
    """Makes and checks codes, and allows five guesses at each."""

    checks_codes = True
    most_guesses = 5

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()

    def check_code(self, check: CodeCheck) -> bool:
        return check.typed == "111111"


@pytest.mark.parametrize("policy", ["register", "ignore"])
def test_strangers_leave_guesses_that_a_gateway_checks(settings: Any, policy: str) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.Gateway"}}
    with override_sms_otp(UNKNOWN_NUMBERS=policy):
        ask(HOME)
        assert [redeem("222222", ATTACKER) for _ in range(3)] == [WRONG, WRONG, SPENT]
        assert [redeem("222222", HOME) for _ in range(2)] == [WRONG] * 2
        # What is withheld looks the same, up to the guess that only the holder gets right.
        assert redeem("111111", HOME) == (IN if policy == "register" else WRONG)
