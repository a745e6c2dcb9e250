"""The budget of wrong guesses: it belongs to the number, whatever code they were for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command

from django_sms_otp import services
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RedemptionRefused, RequestRefused
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.guesses import consecutive

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)
HOME, ATTACKER, STRANGER = "203.0.113.9", "198.51.100.7", "198.51.100.99"

unlimited_messages = override_sms_otp(COOLDOWN=[], LIMITS={"phone": None, "phone_ip": None})


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def request(ip: str | None = ATTACKER, purpose: str = "login") -> object:
    return services.request_code(NUMBER, purpose=purpose, ip_address=ip)


def redeem(code: str, ip: str | None = ATTACKER, purpose: str = "login") -> object:
    return services.redeem_code(code, phone_number=NUMBER, purpose=purpose, ip_address=ip)


def guess(ip: str | None = ATTACKER, purpose: str = "login") -> RedemptionRefused:
    answer = redeem(wrong(last_code()), ip, purpose)
    assert isinstance(answer, RedemptionRefused)
    return answer


def fail(times: int, clock: time_machine.Traveller, ip: str = ATTACKER) -> None:
    """Have so many wrong guesses evaluated, however long it takes."""
    done = 0
    while done < times:
        answer = guess(ip)
        if answer.reason == "invalid_code":
            done += 1
        else:
            assert answer.retry_after is not None
            clock.shift(answer.retry_after + timedelta(seconds=1))
            request(ip)


def log_in(ip: str = HOME) -> None:
    request(ip)
    assert isinstance(redeem(last_code(), ip), Redeemed)


@unlimited_messages
def test_a_new_code_brings_no_new_guesses(clock: time_machine.Traveller) -> None:
    request()
    assert [guess().reason for _ in range(6)] == ["invalid_code"] * 5 + ["too_many_attempts"]
    request()
    assert guess().reason == "too_many_attempts"
    assert OTPCode.objects.latest("created_at").failed_attempts == 0


@unlimited_messages
def test_the_answer_tells_a_spent_code_from_a_wait(clock: time_machine.Traveller) -> None:
    request()
    assert not any(guess().is_spent for _ in range(5))
    assert guess().is_spent
    request()
    waits = guess()
    assert (waits.reason, waits.is_spent) == ("too_many_attempts", False)
    clock.shift(31)
    assert isinstance(redeem(last_code()), Redeemed)


@unlimited_messages
def test_a_spent_code_is_spent_after_the_wait_too(clock: time_machine.Traveller) -> None:
    request()
    for _ in range(5):
        guess()
    clock.shift(31)
    answer = guess()
    assert answer.is_spent
    assert answer.retry_after == timedelta()


@unlimited_messages
@override_sms_otp(CODE_LIFETIME=timedelta(hours=2))
def test_waits_double_from_thirty_seconds_to_an_hour(clock: time_machine.Traveller) -> None:
    with override_sms_otp(LIMITS={"phone": None, "phone_ip": None, "failures": None}):
        request()
        waits = []
        for _ in range(14):
            answer = guess()
            while answer.reason == "too_many_attempts":
                assert answer.retry_after is not None
                waits.append(round(answer.retry_after.total_seconds()))
                clock.shift(answer.retry_after + timedelta(milliseconds=1))
                request()
                answer = guess()
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


@unlimited_messages
@override_sms_otp(MAX_ATTEMPTS=100)
def test_ten_guesses_are_evaluated_in_any_hour(clock: time_machine.Traveller) -> None:
    with override_sms_otp(LIMITS={"phone": None, "phone_ip": None, "failures": "10/h"}):
        request()
        for _ in range(10):
            assert guess().reason == "invalid_code"
            clock.shift(timedelta(seconds=50))
        answer = guess()
        assert answer.reason == "too_many_attempts"
        assert answer.retry_after is not None
        assert round(answer.retry_after.total_seconds()) == 3600 - 500


@unlimited_messages
def test_a_right_guess_in_a_wait_is_not_told_from_a_wrong_one() -> None:
    request()
    for _ in range(5):
        guess()
    request()
    assert redeem(last_code()) == guess()
    assert not OTPCode.objects.exclude(redeemed_at=None).exists()


@unlimited_messages
def test_a_success_clears_the_count(clock: time_machine.Traveller) -> None:
    request()
    for _ in range(4):
        guess()
    assert isinstance(redeem(last_code()), Redeemed)
    request()
    assert [guess().reason for _ in range(5)] == ["invalid_code"] * 5
    assert consecutive() == 5


@unlimited_messages
def test_only_evaluated_guesses_count(clock: time_machine.Traveller) -> None:
    request()
    for _ in range(50):
        guess()
    assert consecutive() == 5
    clock.shift(timedelta(hours=2))
    for _ in range(50):
        assert guess().reason == "invalid_code"  # The code has expired.
    assert consecutive() == 5


@unlimited_messages
def test_guesses_for_any_purpose_are_one_count() -> None:
    request()
    for _ in range(3):
        guess()
    request(purpose="verify_phone")
    assert [guess(purpose="verify_phone").reason for _ in range(3)] == [
        "invalid_code",
        "invalid_code",
        "too_many_attempts",
    ]


# Disabled


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=7)
def test_a_number_is_disabled_for_good(clock: time_machine.Traveller) -> None:
    request()
    fail(7, clock)
    for _ in range(2):
        answer = guess()
        assert (answer.reason, answer.retry_after) == ("too_many_attempts", None)
        clock.shift(timedelta(days=30))
    refused = request()
    assert refused == RequestRefused(reason="too_many_attempts")


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=7)
def test_no_purge_lifts_a_lockout_or_forgets_a_failure(clock: time_machine.Traveller) -> None:
    request()
    fail(6, clock)
    clock.shift(timedelta(days=365))
    call_command("purge_otp_codes", older_than=timedelta(0))
    assert not OTPCode.objects.exists()
    request()
    fail(1, clock)
    clock.shift(timedelta(days=365))
    call_command("purge_otp_codes")
    assert request() == RequestRefused(reason="too_many_attempts")


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=7)
def test_staff_unlock_a_number(clock: time_machine.Traveller) -> None:
    request()
    fail(7, clock)
    assert services.unlock_number(PHONE)
    assert not services.unlock_number(PHONE)
    request()
    assert isinstance(redeem(last_code()), Redeemed)


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=7)
def test_binding_a_disabled_number_anew_unlocks_it(clock: time_machine.Traveller) -> None:
    request()
    fail(7, clock)
    assert isinstance(request(HOME), RequestRefused)
    clock.shift(timedelta(hours=1))
    assert isinstance(request(HOME, purpose=services.VERIFY_PHONE), CodeRequested)
    assert isinstance(redeem(last_code(), HOME, services.VERIFY_PHONE), Redeemed)
    log_in(ATTACKER)


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=7)
def test_binding_a_disabled_number_takes_no_more_guesses_than_waits_allow(
    clock: time_machine.Traveller,
) -> None:
    request()
    fail(7, clock)
    clock.shift(timedelta(hours=1))
    request(HOME, purpose=services.VERIFY_PHONE)
    assert guess(HOME, services.VERIFY_PHONE).reason == "invalid_code"
    answer = guess(HOME, services.VERIFY_PHONE)
    assert answer.reason == "too_many_attempts"
    assert answer.retry_after is not None


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_codes_that_bind_do_not_use_up_what_is_left_to_known_callers(
    clock: time_machine.Traveller,
) -> None:
    log_in(HOME)
    for _ in range(30):
        request(ATTACKER, purpose=services.VERIFY_PHONE)
        guess(ATTACKER, services.VERIFY_PHONE)
        clock.shift(timedelta(hours=1))
    assert consecutive() == 18, "All but the tenth of known callers."
    request(HOME)
    assert isinstance(redeem(last_code(), HOME), Redeemed)


# Malicious lockout


@unlimited_messages
def test_a_known_address_does_not_wait_for_what_strangers_do() -> None:
    log_in()
    request()
    for _ in range(5):
        guess()
    assert guess().reason == "too_many_attempts"
    request(HOME)
    assert isinstance(redeem(last_code(), HOME), Redeemed)


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_strangers_leave_a_reserve_to_known_addresses(clock: time_machine.Traveller) -> None:
    log_in()
    request()
    fail(18, clock)
    assert request() == RequestRefused(reason="too_many_attempts")
    assert isinstance(request(HOME), CodeRequested)
    assert guess(HOME).reason == "invalid_code"
    assert isinstance(redeem(last_code(), HOME), Redeemed)


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_the_reserve_and_the_rest_are_no_more_than_the_maximum(
    clock: time_machine.Traveller,
) -> None:
    log_in()
    request()
    fail(18, clock)
    request(HOME)
    assert [guess(HOME).reason for _ in range(3)] == [
        "invalid_code",
        "invalid_code",
        "too_many_attempts",
    ]
    assert request(HOME) == RequestRefused(reason="too_many_attempts")


@unlimited_messages
@override_sms_otp(MAX_CONSECUTIVE_FAILURES=20)
def test_the_reserve_tells_nobody_that_there_is_someone_to_keep_it_for(
    clock: time_machine.Traveller,
) -> None:
    request()
    fail(18, clock)
    assert request() == RequestRefused(reason="too_many_attempts")


@unlimited_messages
def test_a_device_is_known_wherever_it_is() -> None:
    def with_device(code: str, ip: str) -> object:
        return services.redeem_code(
            code, phone_number=NUMBER, ip_address=ip, device="its cookie"
        )

    request()
    assert isinstance(with_device(last_code(), HOME), Redeemed)
    request()
    for _ in range(5):
        guess()
    request()
    assert isinstance(with_device(last_code(), "192.0.2.1"), Redeemed)


@unlimited_messages
def test_who_was_known_and_forgotten_is_a_stranger() -> None:
    log_in()
    for number in range(8):
        log_in(f"192.0.2.{number}")
    assert len(Limit.objects.get(subject=PHONE).state["known"]) == 8
    request()
    for _ in range(5):
        guess(STRANGER)
    assert guess(HOME).reason == "too_many_attempts"


# Messages that nobody could use


@override_sms_otp(
    COOLDOWN=[],
    LIMITS={"phone": None, "phone_ip": None, "failures": None},
    CODE_LIFETIME=timedelta(minutes=10),
)
def test_no_message_is_sent_whose_code_would_die_before_the_wait_ends(
    clock: time_machine.Traveller,
) -> None:
    request()
    fail(11, clock)
    sent = len(outbox)
    refused = request()
    assert isinstance(refused, RequestRefused)
    assert refused.reason == "too_many_attempts"
    assert refused.retry_after is not None
    assert refused.retry_after > timedelta(minutes=10)
    assert len(outbox) == sent


@unlimited_messages
@pytest.mark.parametrize(("later", "messages"), [(0, 1), (1, 2)])
def test_a_message_leaves_if_the_wait_ends_before_its_code(later: int, messages: int) -> None:
    # The wait of 30 seconds began a microsecond ago, with the last change of the row.
    left = timedelta(seconds=30) - timedelta(microseconds=1)
    with override_sms_otp(
        COOLDOWN=[],
        LIMITS={"phone": None, "phone_ip": None},
        CODE_LIFETIME=left + timedelta(microseconds=later),
    ):
        request()
        for _ in range(5):
            guess()
        request()
    assert len(outbox) == messages


@override_sms_otp(
    COOLDOWN=[], REQUIRE_REQUEST_ID=True, CODE_LIFETIME=timedelta(days=7), MAX_ATTEMPTS=1
)
def test_no_purge_gives_guesses_at_a_live_code_back(clock: time_machine.Traveller) -> None:
    own, other = request(), request(HOME)
    assert isinstance(own, CodeRequested)
    assert isinstance(other, CodeRequested)
    code, request_id = outbox[1].code or "", other.request_id

    def by_the_other(code: str) -> object:
        return services.redeem_code(code, request_id=request_id, ip_address=HOME)

    assert by_the_other(wrong(code)) == RedemptionRefused(reason="invalid_code")
    services.unlock_number(PHONE)
    clock.shift(timedelta(days=6))
    call_command("purge_otp_codes", older_than=timedelta(0))
    answer = by_the_other(code)
    assert isinstance(answer, RedemptionRefused)
    assert answer.reason == "too_many_attempts"


@override_sms_otp(COOLDOWN=[], CONTROL_MODES={"failures": "record"})
def test_failures_that_only_record_lock_nobody() -> None:
    request()
    for _ in range(5):
        guess()
    request()
    assert isinstance(redeem(last_code()), Redeemed)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6"):
        request("localhost")
