"""Cases of a support desk: something goes wrong for a person, by the real endpoints, and the
page of their story alone says what it was and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from django_sms_otp import services, testing
from django_sms_otp.controls.hooks import Challenge, SendAttempt
from django_sms_otp.limits.keys import COUNTRY
from django_sms_otp.limits.refusals import Refusals
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code, wrong
from ..support.callbacks import PUBLIC_URL, Callback, twilio
from ..support.factories import VerifiedPhoneFactory
from ..support.fake_twilio import refusal
from ..support.gateways import composite, entries, gateways, twilio_entry
from .staff import limit, row_of, staff
from .story import ask, press

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
EVERYTHING = (
    *("view_otpcode", "view_limit", "view_verifiedphone", "view_user"),
    *("view_whole_phone_number", "unlock_limit", "invalidate_otpcode"),
    *("send_otpcode", "block_number", "erase_number"),
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller, timezone.override(UTC):
        yield traveller


@pytest.fixture
def clerk(clock: object) -> Client:
    return staff(*EVERYTHING)


def test_the_phone_is_switched_off(clerk: Client, get_code: Post) -> None:
    with gateways("default") as found:
        backends = {"default": twilio(base_url=found["default"].base_url)}
        with (
            override_settings(SMS_OTP_BACKENDS=backends),
            override_sms_otp(PUBLIC_URL=PUBLIC_URL),
        ):
            assert get_code().status_code == 202
            code = OTPCode.objects.get()
            off = {"ErrorCode": "30003"}
            receipt = Callback(code=code, status="undelivered", sid=code.message_id, fields=off)
            assert receipt.post() == 204
            told = ask(clerk, "+1 (415) 555-2671")
    assert told.answer == (
        "The last message did not arrive. The phone is switched off or out of reach. "
        "(default: 30003)"
    )
    assert "the person can ask again" in told.advice
    assert told.events[0].startswith("Asked for a code to log in")
    assert "The gateway took it, but it did not arrive." in told.events[1]


@override_sms_otp(COOLDOWN=[])
def test_one_address_has_used_up_its_messages(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    for _ in range(3):
        assert get_code().status_code == 202
    clock.shift(timedelta(minutes=5))
    assert get_code().status_code == 429
    told = ask(clerk, PHONE)
    assert told.answer == (
        "A request was refused at 12:05 p.m.: too many messages to this number from one IP "
        "address (at most 3 in 1h, 5 in 1d); free again at 1 p.m."
    )
    assert told.advice == "Restore the message quota, or let the person wait."
    assert told.events[-1].startswith("A request was refused: too many messages")
    assert sum("SMS through" in event for event in told.events) == 3
    press(clerk, told, "give-back")
    assert get_code().status_code == 202


def test_the_person_has_texted_stop(clerk: Client, get_code: Post) -> None:
    with gateways("default") as found:
        found["default"].answers(refusal(400, 21610))
        with override_settings(SMS_OTP_BACKENDS=entries(found)):
            assert get_code().status_code == 409
            told = ask(clerk, PHONE)
    assert told.answer == (
        "The last message did not leave. The person has texted STOP. Texting START to the "
        "same sender ends that. (default: 21610)"
    )
    assert "they need another number" in told.advice


def test_a_landline_gets_no_sms(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    with gateways("default") as found:
        found["default"].answers(refusal(400, 21614))
        calls = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
        with (
            override_settings(SMS_OTP_BACKENDS={**entries(found), "calls": calls}),
            override_sms_otp(CHANNELS={"sms": "default", "voice": "calls"}),
        ):
            assert get_code().status_code == 400
            told = ask(clerk, PHONE)
            clock.shift(timedelta(minutes=1))
            press(clerk, told, "send", channel="voice")
            events = ask(clerk, PHONE).events
            assert any("Call through “calls”" in event for event in events)
    assert "This is a landline, or its carrier takes no SMS." in told.answer
    assert "send the code by another channel" in told.advice


def test_too_many_wrong_codes_lock_the_person_out(
    clerk: Client, get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    request_id = body_of(get_code())["request_id"]
    for _ in range(5):
        auth_code(request_id=request_id, code=wrong(last_code()))
    assert auth_code(request_id=request_id, code=last_code()).status_code == 429
    told = ask(clerk, request_id)
    assert told.answer == ("Until 12:01 p.m. no code is checked: 5 wrong codes in a row.")
    assert told.advice == "Make sure who is asking. Then lift the lockout."
    assert told.events.count(told.events[-1]) == 5
    assert told.events[-1].startswith("A wrong code was typed")
    assert "Typed by the person who asked for the code." in told.events[-1]
    press(clerk, told, "unlock")
    clock.shift(timedelta(minutes=1))
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_the_country_is_not_allowed(clerk: Client, get_code: Post) -> None:
    why = "The site sends no messages to US: see ALLOWED_REGIONS."
    with override_sms_otp(ALLOWED_REGIONS=["DE"]):
        assert get_code().status_code == 400
        assert why in ask(clerk, PHONE).shown
        VerifiedPhoneFactory.create(phone_number=PHONE)
        told = ask(clerk, PHONE)
    assert told.answer == why
    assert told.advice == "The person needs another number."


def test_the_number_was_not_used_for_too_long(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    at = NOON - timedelta(days=200)
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=at, last_used_at=at)
    with override_sms_otp(STALE_AFTER=timedelta(days=90)):
        request_id = body_of(get_code())["request_id"]
        assert auth_code(request_id=request_id, code=last_code()).status_code == 403
        told = ask(clerk, PHONE)
    assert "not used for so long that it opens its account no more" in told.answer + told.also
    assert "verifies the number anew" in told.advice + told.also


def test_the_first_gateway_is_down_and_the_second_sends(clerk: Client, get_code: Post) -> None:
    with gateways("second") as found:
        backends = {
            "default": composite("failover", aliases=["first", "second"]),
            "first": twilio_entry("http://127.0.0.1:9"),
            **entries(found),
        }
        with override_settings(SMS_OTP_BACKENDS=backends):
            assert get_code().status_code == 202
            told = ask(clerk, PHONE)
    assert told.answer == "At noon the gateway took the last message. No receipt has come."
    assert "SMS through “second”" in told.events[1]


@override_sms_otp(COOLDOWN=[])
def test_the_second_gateway_refuses_after_the_first_did_not_deliver(
    clerk: Client, get_code: Post
) -> None:
    with gateways("first", "second") as found:
        backends = {
            "default": composite("failover", aliases=["first", "second"]),
            **{name: twilio(base_url=each.base_url) for name, each in found.items()},
        }
        with (
            override_settings(SMS_OTP_BACKENDS=backends),
            override_sms_otp(PUBLIC_URL=PUBLIC_URL),
        ):
            get_code()
            code = OTPCode.objects.get()
            off = {"ErrorCode": "30003"}
            receipt = Callback(
                code=code,
                status="undelivered",
                alias="first",
                sid=code.message_id,
                fields=off,
            )
            assert receipt.post() == 204
            found["second"].answers(refusal(400, 21610))
            assert get_code().status_code == 409
            told = ask(clerk, PHONE)
            row = clerk.get(f"/admin/django_sms_otp/otpcode/{code.pk}/change/")
    assert told.answer.endswith("(second: 21610)")
    assert "(first: 30003)" in told.events[1]
    assert "(second: 21610)" in told.events[2]
    assert "(first: 21610)" not in told.shown
    assert "The person has texted STOP." in row.content.decode()


@override_sms_otp(COOLDOWN=[])
def test_the_error_of_an_earlier_message_is_not_that_of_one_under_way(get_code: Post) -> None:
    get_code()
    OTPCode.objects.update(delivery_state="undelivered", delivery_error="30003")
    with override_sms_otp(DELIVERY="tasks"):
        assert get_code().status_code == 202
    code = OTPCode.objects.get()
    assert (code.delivery_state, code.delivery_error) == ("pending", "")


def test_the_message_waits_for_a_worker(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    with override_sms_otp(DELIVERY="tasks"):
        assert get_code().status_code == 202
        clock.shift(timedelta(minutes=4))
        told = ask(clerk, PHONE)
    assert told.answer == "Since noon the last message has waited for a worker."
    assert told.advice == "Ask the people who run the site whether its workers run."


def test_the_number_was_mistyped(clerk: Client, get_code: Post) -> None:
    """The person says that their number is 2671. The request from their screen has another."""
    request_id = body_of(get_code(phone_number="+14155552617"))["request_id"]
    assert "No row for +14155552671." in ask(clerk, PHONE).shown
    told = ask(clerk, request_id[:8])
    assert "<h1>Story of +14155552617</h1>" in told.shown
    assert told.url.endswith(f"#code-{request_id[:8]}")


def test_the_code_expired_before_it_was_typed(
    clerk: Client, get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    request_id = body_of(get_code())["request_id"]
    clock.shift(timedelta(minutes=11))
    assert auth_code(request_id=request_id, code=last_code()).status_code == 401
    told = ask(clerk, PHONE)
    assert told.answer == "The newest code expired at 12:10 p.m., and nobody had used it."
    assert told.advice == "The person has to ask for a new one."
    assert told.events[-1].startswith("The code expired, and nobody had used it")


def test_the_number_has_moved_to_another_account(
    clerk: Client, get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    first = User.objects.exclude(username="clerk").get()
    second = User.objects.create_user("second")
    clock.shift(timedelta(hours=2))
    number = services.read_phone_number(PHONE)
    services.request_link_code(second, number)
    services.link_number(second, last_code(), phone_number=number)
    told = ask(clerk, "second")
    moved = (
        "The number has changed accounts: until Jan. 15, 2027, 2 p.m. it opened that of user "
        f"{first.pk}, now it opens that of user {second.pk}."
    )
    assert moved in told.answer + told.also
    assert any("It logs in to the account of second." in event for event in told.events)


@pytest.mark.parametrize("grant_writes", [True, False])
def test_the_right_code_logs_in_to_no_inactive_account(
    clerk: Client, get_code: Post, grant_writes: bool
) -> None:
    ada = User.objects.create_user("ada", is_active=False)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=ada)
    get_code()
    answer = services.redeem_code(
        last_code(),
        phone_number=services.read_phone_number(PHONE),
        grant=str,
        grant_writes=grant_writes,
    )
    assert getattr(answer, "reason", "") == "no_active_account"
    told = ask(clerk, PHONE)
    nobody = "It logged nobody in, or the user was deleted since."
    assert told.answer == f"At noon the newest code was typed, and it was right. {nobody}"
    assert "sms-otp-answer-bad" in told.shown
    assert "The account of this number is inactive: no code logs in to it." in told.also
    assert told.events[-1].endswith(nobody)


def test_the_right_code_of_another_purpose_logs_nobody_in(clerk: Client) -> None:
    ada, number = User.objects.create_user("ada"), services.read_phone_number(PHONE)
    services.request_link_code(ada, number)
    services.link_number(ada, last_code(), phone_number=number)
    told = ask(clerk, PHONE)
    assert "sms-otp-answer-good" in told.shown
    assert "logged nobody in" not in told.shown


@override_sms_otp(CHANNELS={"sms": "default", "voice": "default"})
def test_a_gateway_gives_an_error_that_nobody_knows(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    get_code()
    OTPCode.objects.update(delivery_state="undelivered", delivery_error="odd")
    why = "The last message did not arrive. The gateway “default” gave the error odd, which has"
    told = ask(clerk, PHONE)
    assert told.answer == f"{why} no description."
    assert told.advice == (
        "The person can ask again, or you can send this code once more. You can also send the "
        "code by another channel."
    )
    clock.shift(timedelta(hours=1))
    told = ask(clerk, PHONE)
    assert told.answer == f"{why} no description."
    assert told.advice == "The person can ask for a new code."
    OTPCode.objects.update(delivery_error="no-url")  # It is about the number.
    assert ask(clerk, PHONE).advice.endswith("Until then, they need another number.")
    OTPCode.objects.update(delivery_error="")
    told = ask(clerk, PHONE)
    assert told.answer == "The last message did not arrive. The gateway gives no reason."


@override_sms_otp(PURPOSES={"login": {"MAX_ATTEMPTS": 2}})
def test_a_code_is_spent_by_the_wrong_codes_of_its_purpose(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    get_code()
    auth_code(phone_number=PHONE, code=wrong(last_code()))
    told = ask(clerk, PHONE)
    assert "sms-otp-answer-info" in told.shown
    assert (
        "1 wrong code was typed. The person has to type the code of the newest message, on the "
        "page where they asked for it."
    ) in told.also
    auth_code(phone_number=PHONE, code=wrong(last_code()))
    told = ask(clerk, PHONE)
    assert "sms-otp-answer-bad" in told.shown
    assert told.answer == "2 wrong codes were typed."
    assert told.advice == "The person has to ask for a new one."
    OTPCode.objects.update(purpose="gone")  # The settings declare it no more.
    assert "2 wrong codes were typed." in ask(clerk, PHONE).also


def test_a_breaker_withheld_the_message(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    state = SharedCounters(blocked_until=NOON.timestamp() + 3600)
    limit(f"{COUNTRY}:US", state)
    with override_sms_otp(CONVERSION_BREAKER={}):
        assert get_code().status_code == 202
        told = ask(clerk, PHONE)
    assert told.answer == (
        "The last message was withheld: too few codes of this country or prefix are redeemed, "
        "or the gateway saw fraud."
    )
    assert told.advice == "If you know the person, allow the number."
    assert "country:US: blocked" in told.also
    press(clerk, told, "allow", hours="24")
    clock.shift(timedelta(minutes=1))
    with override_sms_otp(CONVERSION_BREAKER={}):
        assert get_code().status_code == 202
    assert len(testing.outbox) == 1


def test_a_test_number_gets_no_message(clerk: Client, get_code: Post) -> None:
    until = (NOON + timedelta(days=30)).date()
    numbers = {"+14155550100": {"code": "123456", "until": until}}
    with override_sms_otp(TEST_NUMBERS=numbers):
        assert get_code(phone_number="+14155550100").status_code == 202
        told = ask(clerk, "+14155550100")
    assert told.answer == "This is a test number: no message goes to it."
    assert told.advice == "Use the code of TEST_NUMBERS in the settings."
    assert "123456" not in told.shown


@override_sms_otp(COOLDOWN=[], LIMITS={"phone": "1/h", "site": "9/h"})
def test_a_quota_that_was_restored_refuses_no_more(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    get_code()
    clock.shift(timedelta(minutes=5))
    assert get_code().status_code == 429
    told = ask(clerk, PHONE)
    assert "too many messages to this number" in told.answer
    clock.shift(timedelta(minutes=2))
    press(clerk, told, "give-back")
    told = ask(clerk, PHONE)
    assert "too many messages" not in told.answer + told.also + told.advice
    assert "A request was refused" in told.events[2]
    assert "free again at 12:07" in told.events[2]


@override_sms_otp(COOLDOWN=[], LIMITS={"phone": "1/h", "site": "1/h"})
def test_a_limit_that_many_share_is_not_restored_with_the_quota(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    get_code()
    with override_sms_otp(LIMITS={"site": "1/h"}):
        assert get_code().status_code == 429
    services.give_back_messages(PHONE)
    clock.shift(timedelta(minutes=2))
    answer = ask(clerk, PHONE).answer
    assert "too many messages from the whole site" in answer
    assert "free again at" in answer


def test_a_lockout_that_was_lifted_has_no_end_any_more(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    get_code()
    for _ in range(5):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    with override_sms_otp(COOLDOWN=[], CODE_LIFETIME=timedelta(seconds=20)):
        assert get_code().status_code == 429
    press(clerk, ask(clerk, PHONE), "unlock")
    [refusal] = Refusals.from_json(row_of(PHONE).refusals).entries
    assert (refusal.control, refusal.until) == ("failures", NOON.timestamp())


class Captcha(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        return attempt.response == "right"


@override_sms_otp(COOLDOWN=[], CHALLENGE=f"{__name__}.Captcha")
def test_a_captcha_fails_passes_and_fails(
    clerk: Client, get_code: Post, clock: time_machine.Traveller
) -> None:
    answers = []
    tries = ((0, "right"), (1, "wrong"), (1, "right"), (20, "wrong"), (1, "wrong"))
    for minutes, typed in tries:
        clock.shift(timedelta(minutes=minutes))
        answers.append(get_code(phone_number=PHONE, challenge=typed).status_code)
    assert answers == [202, 403, 202, 403, 403]
    assert len(Refusals.from_json(row_of(PHONE).refusals).entries) == 2
    OTPCode.objects.update(expires_at=NOON + timedelta(minutes=12))
    told = ask(clerk, PHONE)
    assert told.answer.startswith("A request was refused at 12:22")


HOME, AWAY = "198.51.100.7", "203.0.113.9"


def guess(client: Client, code: str, ip: str, **by: str) -> int:
    body = {"code": code, **(by or {"phone_number": PHONE})}
    url = "/auth/sms/auth-code/"
    answer = client.post(url, body, "application/json", REMOTE_ADDR=ip)
    return int(answer.status_code)


def ask_for_code(client: Client, ip: str) -> str:
    url, body = "/auth/sms/get-code/", {"phone_number": PHONE}
    answer = client.post(url, body, "application/json", REMOTE_ADDR=ip)
    return str(answer.json()["request_id"])


def test_strangers_have_locked_themselves_out(clerk: Client, client: Client) -> None:
    """To lift that would help them, and nobody else."""
    ask_for_code(client, HOME)
    for _ in range(5):
        guess(client, wrong(last_code()), AWAY)
    assert guess(client, last_code(), AWAY) == 429
    told = ask(clerk, PHONE)
    assert told.answer == "At noon the gateway took the last message. No receipt has come."
    assert (
        "Until 12:01 p.m. no code that strangers type is checked. Whoever asked for a code can "
        "type it."
    ) in told.also
    assert "ift the lockout" not in told.shown
    assert guess(client, last_code(), HOME) == 200


@override_sms_otp(MAX_CONSECUTIVE_FAILURES=10)
def test_strangers_have_used_up_their_share(
    clerk: Client, client: Client, clock: time_machine.Traveller
) -> None:
    ask_for_code(client, HOME)
    with override_sms_otp(MAX_ATTEMPTS=9):
        for _ in range(8):
            guess(client, wrong(last_code()), AWAY)
    clock.shift(timedelta(minutes=5))
    told = ask(clerk, PHONE)
    assert "No code that strangers type is checked until the person logs in." in told.also
    assert "ift the lockout" not in told.shown
    assert guess(client, last_code(), HOME) == 200


@override_sms_otp(COOLDOWN=[])
def test_one_of_two_who_have_asked_is_locked_out(clerk: Client, client: Client) -> None:
    for address in (HOME, AWAY):
        ask_for_code(client, address)
    for _ in range(5):
        guess(client, wrong(last_code()), AWAY)
    told = ask(clerk, PHONE)
    assert told.answer == (
        "Several have asked for the code. One of them has typed wrong codes: until 12:01 p.m. "
        "theirs are not checked."
    )
    assert told.advice == "Make sure who is asking. Then lift the lockout."
    assert guess(client, last_code(), HOME) == 200


@pytest.mark.parametrize("brings_id", [True, False])
def test_the_person_is_locked_out(clerk: Client, client: Client, *, brings_id: bool) -> None:
    request_id = ask_for_code(client, HOME)
    by = {"request_id": request_id} if brings_id else {}
    for _ in range(5):
        guess(client, wrong(last_code()), HOME, **by)
    told = ask(clerk, PHONE)
    assert told.answer == "Until 12:01 p.m. no code is checked: 5 wrong codes in a row."
    press(clerk, told, "unlock")


def test_a_right_guess_during_a_lockout_of_its_address_leaves_no_trace(
    clerk: Client, client: Client, clock: time_machine.Traveller
) -> None:
    ask_for_code(client, HOME)
    with override_sms_otp(LIMITS={"failures_ip": "1/h"}):
        guess(client, wrong(last_code()), AWAY)
        assert guess(client, last_code(), AWAY) == 429
    clock.shift(timedelta(minutes=11))
    told = ask(clerk, PHONE)
    assert "nobody had used it" in told.answer + told.also
    assert "nobody had used it" in told.events[-1]
    assert "during a lockout of the number or of an IP address" in told.shown
