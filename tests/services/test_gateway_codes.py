"""Codes that Twilio Verify makes and checks: our API in front, HTTP to it behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.test import Client

from django_sms_otp import backends, services
from django_sms_otp.backends import (
    BaseSMSBackend,
    CodeCheck,
    SendResult,
    SMSMessage,
)
from django_sms_otp.delivery import code_of
from django_sms_otp.exceptions import NotDelivered
from django_sms_otp.models import DeliveryState, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed, RedemptionRefused
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, wrong
from ..support import fake_verify
from ..support.factories import OTPCodeFactory
from ..support.fake_twilio import Answer, refusal
from ..support.fake_verify import SERVICE_SID, FakeVerify
from ..support.guesses import consecutive

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
OTHER_SID = "VA" + "5" * 32
LATE = Answer(status=200, body="{}", delay=30)

Configure = Callable[..., None]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def verify() -> Iterator[FakeVerify]:
    with fake_verify.fake_verify() as server:
        yield server


@pytest.fixture
def configure(verify: FakeVerify, settings: Any) -> Configure:
    """Set the backend up anew, with more options."""

    def configure(**options: Any) -> None:
        settings.SMS_OTP_BACKENDS = {
            "default": fake_verify.backend(verify.base_url, **options),
            "ours": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
        }

    configure()
    return configure


@pytest.fixture(autouse=True)
def _verify_is_the_backend(configure: Configure) -> None:
    """Each test sends by Verify."""


def guess(auth_code: Post, code: str, **body: object) -> tuple[int, str]:
    answer = auth_code(code=code, **(body or {"phone_number": PHONE}))
    return answer.status_code, body_of(answer).get("code", "")


def asked(get_code: Post) -> tuple[int, str]:
    answer = get_code()
    return answer.status_code, body_of(answer).get("code", "")


def the_row() -> OTPCode:
    return OTPCode.objects.get()


def failures() -> int:
    return consecutive()


# A login


def test_a_person_logs_in(get_code: Post, auth_code: Post, verify: FakeVerify) -> None:
    assert asked(get_code) == (202, "")
    code = verify.code(PHONE)

    answer = auth_code(phone_number=PHONE, code=code)

    assert answer.status_code == 200
    assert set(body_of(answer)) == {"access", "refresh"}
    row = the_row()
    assert row.redeemed_at
    assert row.user == User.objects.get()
    assert (row.failed_attempts, failures()) == (0, 0), "The charged attempt is cleared."
    assert row.message_id == verify.verifications[0].sid
    assert row.delivery_state == DeliveryState.SENT


def test_a_code_works_once(get_code: Post, auth_code: Post, verify: FakeVerify) -> None:
    get_code()
    code = verify.code(PHONE)

    assert guess(auth_code, code) == (200, "")
    assert guess(auth_code, code) == (401, "invalid_code")
    assert len(verify.requests_for("VerificationCheck")) == 1


def test_a_request_id_will_do(get_code: Post, auth_code: Post, verify: FakeVerify) -> None:
    request_id = body_of(get_code())["request_id"]

    assert guess(auth_code, verify.code(PHONE), request_id=request_id) == (200, "")


def test_a_code_as_it_is_pasted_will_do(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    code = verify.code(PHONE)

    assert guess(auth_code, f" {code[:3]}-{code[3:]} ") == (200, "")


def test_the_code_that_we_derive_is_worth_nothing(get_code: Post, auth_code: Post) -> None:
    get_code()
    ours = code_of(the_row())
    assert ours

    assert guess(auth_code, ours) == (401, "invalid_code")


def test_the_answer_speaks_of_the_gateways_codes(
    get_code: Post, configure: Configure, clock: time_machine.Traveller
) -> None:
    configure(code_length=8)
    with override_sms_otp(CODE_LIFETIME=timedelta(hours=1)):
        answer = body_of(get_code())

    assert answer["code_length"] == 8
    assert datetime.fromisoformat(answer["expires_at"]) - NOW < timedelta(minutes=10, seconds=1)


def test_the_sites_shorter_lifetime_holds(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    with override_sms_otp(CODE_LIFETIME=timedelta(minutes=2)):
        get_code()
        clock.shift(timedelta(minutes=2, seconds=1))

        assert guess(auth_code, verify.code(PHONE)) == (401, "invalid_code")
    assert verify.requests_for("VerificationCheck") == []


def test_a_code_is_sent_again_for_as_long_as_the_gateway_has_it(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    first = body_of(get_code())
    clock.shift(timedelta(minutes=9))

    again = body_of(get_code())

    assert again["request_id"] == first["request_id"]
    assert again["expires_at"] == first["expires_at"], "The gateway's code lives no longer."
    assert verify.open(PHONE).sends == the_row().send_count == 2
    assert guess(auth_code, verify.code(PHONE)) == (200, "")


def test_what_another_backend_has_made_is_superseded(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    with override_sms_otp(CHANNELS={"sms": "ours"}):
        get_code()
    clock.shift(timedelta(seconds=31))

    get_code()

    newest, older = OTPCode.objects.order_by("-created_at")
    assert (newest.backend, older.backend) == ("default", "ours")
    assert older.superseded_at
    ours = code_of(older)
    assert ours
    assert guess(auth_code, ours) == (401, "invalid_code")
    assert guess(auth_code, verify.code(PHONE)) == (200, "")


class HandingOn(BaseSMSBackend):
    """As a failover does, whose first target takes the message."""

    targets = ("default",)

    def send(self, message: SMSMessage) -> SendResult:
        return backends.hand_over(message, "default")


def test_a_code_that_was_handed_on_to_verify_is_checked_there(
    get_code: Post, auth_code: Post, verify: FakeVerify, settings: Any
) -> None:
    first = {"BACKEND": f"{__name__}.HandingOn"}
    settings.SMS_OTP_BACKENDS = {**settings.SMS_OTP_BACKENDS, "first": first}
    with override_sms_otp(CHANNELS={"sms": "first"}):
        get_code()
        assert guess(auth_code, verify.code(PHONE)) == (200, "")
    assert "CustomCode" not in verify.requests[0].form


def test_a_code_of_an_alias_that_was_taken_out_is_ours(auth_code: Post) -> None:
    OTPCodeFactory(phone_number=PHONE, backend="gone")
    code = code_of(the_row())
    assert code

    assert guess(auth_code, code) == (200, "")


# Wrong guesses


@pytest.mark.django_db(transaction=True)
def test_a_wrong_guess_is_counted_before_the_gateway_is_asked(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    get_code()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.WatchingBackend"}}
    WatchingBackend.seen.clear()

    assert guess(auth_code, "000000") == (401, "invalid_code")
    assert WatchingBackend.seen == [(1, 1, False)]
    assert (the_row().failed_attempts, failures()) == (1, 1)


class WatchingBackend(BaseSMSBackend):
    """Notes what is committed when it is asked, and whether a transaction is open."""

    checks_codes = True
    seen: list[tuple[int, int, bool]] = []

    def check_code(self, check: CodeCheck) -> bool:
        self.seen.append((the_row().failed_attempts, failures(), connection.in_atomic_block))
        return False


def test_five_wrong_guesses_spend_the_code(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    code = verify.code(PHONE)

    for _ in range(5):
        assert guess(auth_code, wrong(code)) == (401, "invalid_code")
    assert guess(auth_code, code) == (429, "too_many_attempts")
    assert len(verify.requests_for("VerificationCheck")) == 5


def test_the_fifth_guess_may_be_right(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    code = verify.code(PHONE)
    for _ in range(4):
        guess(auth_code, wrong(code))

    assert guess(auth_code, code) == (200, "")
    assert (the_row().failed_attempts, failures()) == (4, 0)


def test_a_spent_code_is_not_made_good_by_another_request(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    get_code()
    code = verify.code(PHONE)
    for _ in range(5):
        guess(auth_code, wrong(code))
    clock.shift(timedelta(minutes=1))

    answer = get_code()

    assert (answer.status_code, body_of(answer)["code"]) == (429, "quota_exceeded")
    assert answer["Retry-After"] == "600"
    # With a queue the gateway's refusal of the message was not told, and neither is this one.
    with override_sms_otp(DELIVERY="tasks"):
        assert guess(auth_code, code) == (401, "invalid_code")
    assert guess(auth_code, code) == (429, "too_many_attempts")


@pytest.mark.parametrize("policy", ["register", "ignore"])
def test_more_attempts_than_the_gateway_gives_do_not_tell_who_was_sent_a_code(
    get_code: Post, auth_code: Post, verify: FakeVerify, policy: str
) -> None:
    """A number to whom nothing was sent runs out of guesses at the same guess."""
    with override_sms_otp(MAX_ATTEMPTS=9, UNKNOWN_NUMBERS=policy):
        get_code()
        if policy == "register":
            verify.open(PHONE).code = "999999"
        told = [guess(auth_code, "123456") for _ in range(7)]

    assert told == [(401, "invalid_code")] * 5 + [(429, "too_many_attempts")] * 2


@pytest.mark.parametrize("typed", ["12345", "1234567", "abcdef", "12345a", "", "٣"])
def test_what_cannot_be_a_code_is_counted_and_costs_no_call(
    get_code: Post, verify: FakeVerify, typed: str
) -> None:
    get_code()
    outcome: object = services.redeem_code(typed, phone_number=parse_phone_number(PHONE))

    assert outcome == RedemptionRefused(reason="invalid_code")
    assert the_row().failed_attempts == 1
    assert verify.requests_for("VerificationCheck") == []


def test_nobody_is_asked_about_a_number_without_a_live_code(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    assert guess(auth_code, "123456") == (401, "invalid_code")
    get_code()
    clock.shift(timedelta(minutes=11))
    assert guess(auth_code, verify.code(PHONE)) == (401, "invalid_code")

    assert verify.requests_for("VerificationCheck") == []


def test_nobody_is_asked_about_a_locked_number(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    with override_sms_otp(LIMITS={"failures": "1/h"}):
        guess(auth_code, wrong(verify.code(PHONE)))
        before = len(verify.requests)
        assert guess(auth_code, verify.code(PHONE)) == (429, "too_many_attempts")
    assert len(verify.requests) == before


def test_nothing_is_sent_to_a_number_that_is_locked_for_longer_than_the_code_lives(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    with override_sms_otp(CODE_LIFETIME=timedelta(hours=1), LIMITS={"failures": "1/h"}):
        get_code()
        guess(auth_code, wrong(verify.code(PHONE)))
        clock.shift(timedelta(minutes=20))

        assert asked(get_code) == (429, "too_many_attempts")
    assert len(verify.verifications) == 1


# What the gateway says to a guess


def test_a_verification_that_is_gone_is_a_wrong_guess(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    code = verify.code(PHONE)
    verify.expire(PHONE)

    assert guess(auth_code, code) == (401, "invalid_code")
    assert the_row().failed_attempts == 1


def test_a_gateway_that_looks_at_no_more_guesses_is_believed(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    verify.open(PHONE).checks = 5

    answer = auth_code(phone_number=PHONE, code=verify.code(PHONE))

    assert (answer.status_code, body_of(answer)["code"]) == (429, "too_many_attempts")
    assert answer["Retry-After"] == "600"
    assert the_row().failed_attempts == 1


@pytest.mark.parametrize(
    ("answer", "wait"),
    [(refusal(401, 20003), "30"), (refusal(429, 20429), "5"), (refusal(400, 60200), "30")],
)
def test_an_attempt_that_was_not_looked_at_is_given_back(
    *,
    get_code: Post,
    auth_code: Post,
    verify: FakeVerify,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    wait: str,
) -> None:
    monkeypatch.setattr("django_sms_otp.backends.twilio.client.RATE_RETRY_BASE", 0.001)
    get_code()
    code = verify.code(PHONE)
    guess(auth_code, wrong(code))
    verify.answers(answer)

    refused = auth_code(phone_number=PHONE, code=code)

    assert (refused.status_code, body_of(refused)["code"]) == (503, "unavailable")
    assert refused["Retry-After"] == wait
    assert (the_row().failed_attempts, failures()) == (1, 1)
    verify.answers()
    assert guess(auth_code, code) == (200, "")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=502, body="<html>Bad gateway</html>"),
        Answer(status=200, body="<html>Sorry</html>"),
        Answer(status=200, body="{}"),
        Answer(hangs_up=True),
        LATE,
    ],
    ids=["502", "html", "empty", "reset", "late"],
)
def test_an_attempt_that_may_have_been_looked_at_stays_counted(
    get_code: Post, auth_code: Post, verify: FakeVerify, configure: Configure, answer: Answer
) -> None:
    get_code()
    configure(timeout=0.5 if answer is LATE else 30)
    code = verify.code(PHONE)
    verify.answers(answer)

    assert guess(auth_code, code) == (503, "unavailable")
    assert (the_row().failed_attempts, failures()) == (1, 1)
    assert len(verify.requests_for("VerificationCheck")) == 1
    configure(timeout=30)
    verify.answers()
    assert guess(auth_code, code) == (200, "")


def test_a_failing_gateway_buys_no_more_guesses(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code()
    verify.answers(Answer(status=500, body="{}"))

    told = [guess(auth_code, "123456") for _ in range(7)]

    assert told == [(503, "unavailable")] * 5 + [(429, "too_many_attempts")] * 2
    assert len(verify.requests_for("VerificationCheck")) == 5


def test_a_backend_that_breaks_has_not_said_yes(
    get_code: Post, auth_code: Post, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    get_code()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.BrokenBackend"}}

    assert guess(auth_code, "987654") == (503, "unavailable")
    assert the_row().failed_attempts == 1
    assert "ZeroDivisionError" in caplog.text
    assert "987654" not in caplog.text


class BrokenBackend(BaseSMSBackend):
    checks_codes = True

    def check_code(self, check: CodeCheck) -> bool:
        raise ZeroDivisionError(check.typed)


def test_a_failure_of_the_gateway_is_no_failed_login(
    get_code: Post, auth_code: Post, verify: FakeVerify, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[object] = []

    def note(**kwargs: object) -> None:
        seen.append(kwargs)

    get_code()
    verify.answers(refusal(401, 20003))
    user_login_failed.connect(note)
    try:
        guess(auth_code, "123456")
    finally:
        user_login_failed.disconnect(note)
    assert seen == []
    assert [each.levelname for each in caplog.records if "not checked" in each.message] == [
        "ERROR"
    ]


# What the gateway says to a request


@pytest.mark.parametrize(
    ("status", "code", "expected", "wait"),
    [
        (400, 60200, (400, "invalid_phone_number"), None),
        (403, 60205, (400, "phone_number_not_sms_capable"), None),
        (403, 60605, (400, "region_not_supported"), None),
        (429, 60202, (429, "quota_exceeded"), "600"),
        (429, 60203, (429, "quota_exceeded"), "600"),
        (429, 60212, (429, "quota_exceeded"), "60"),
        (400, 60223, (503, "delivery_failed"), "30"),
        (403, 60238, (503, "delivery_failed"), "30"),
        (403, 60410, (202, ""), None),
    ],
)
def test_what_a_client_is_told(
    *,
    get_code: Post,
    verify: FakeVerify,
    status: int,
    code: int,
    expected: tuple[int, str],
    wait: str | None,
) -> None:
    verify.answers(refusal(status, code))

    answer = get_code()

    assert (answer.status_code, body_of(answer).get("code", "")) == expected
    assert answer.headers.get("Retry-After") == wait
    row = the_row()
    assert (row.delivery_state, row.delivery_error) == (DeliveryState.FAILED, str(code))


def test_a_code_that_was_sent_survives_the_gateways_quota(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    get_code()
    verify.open(PHONE).sends = 5
    clock.shift(timedelta(minutes=1))

    assert asked(get_code) == (429, "quota_exceeded")
    assert guess(auth_code, verify.code(PHONE)) == (200, "")


def test_a_message_that_may_have_left_can_be_redeemed(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    verify.answers(Answer(status=500, body="{}"))
    assert asked(get_code) == (503, "delivery_failed")
    assert the_row().message_id == ""
    # Twilio had sent it after all.
    verify.answers()
    verify.begin(PHONE, "123456")

    assert guess(auth_code, "123456") == (200, "")


# Nothing else is opened


def test_an_approval_opens_no_other_number(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    get_code(phone_number="+14155552672")
    get_code()
    other = verify.code("+14155552672")
    verify.open(PHONE).code = wrong(other)

    assert guess(auth_code, other) == (401, "invalid_code")
    assert guess(auth_code, other, phone_number="+14155552672") == (200, "")


def test_a_code_of_one_purpose_is_no_code_of_another(
    get_code: Post, auth_code: Post, verify: FakeVerify, configure: Configure
) -> None:
    configure(service_sid={"login": SERVICE_SID, "verify_phone": OTHER_SID})
    number = parse_phone_number(PHONE)
    get_code()
    with override_sms_otp(COOLDOWN=[]):
        services.request_code(number, purpose=services.VERIFY_PHONE)
    login, binding = verify.verifications
    login.code, binding.code = "111111", "222222"

    assert guess(auth_code, "222222") == (401, "invalid_code")
    refused: object = services.redeem_code(
        "111111", phone_number=number, purpose=services.VERIFY_PHONE
    )
    assert refused == RedemptionRefused(reason="invalid_code")
    outcome: object = services.redeem_code(
        "222222", phone_number=number, purpose=services.VERIFY_PHONE
    )
    assert isinstance(outcome, Redeemed)


def test_a_purpose_without_a_service_is_not_sent_by_that_of_logins(
    verify: FakeVerify, caplog: pytest.LogCaptureFixture
) -> None:
    number = parse_phone_number(PHONE)

    outcome = services.request_code(number, purpose=services.VERIFY_PHONE)

    assert getattr(outcome, "reason", "") == "delivery_failed"
    assert verify.requests == []
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_an_older_request_is_not_opened(
    get_code: Post, auth_code: Post, verify: FakeVerify, clock: time_machine.Traveller
) -> None:
    older = body_of(get_code())["request_id"]
    verify.expire(PHONE)
    clock.shift(timedelta(minutes=10, seconds=1))
    get_code()

    assert guess(auth_code, verify.code(PHONE), request_id=older) == (401, "invalid_code")
    assert verify.requests_for("VerificationCheck") == []


def test_what_was_superseded_while_the_gateway_was_asked_is_not_opened(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    get_code()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.SlowBackend"}}

    assert guess(auth_code, "123456") == (401, "invalid_code")
    assert not User.objects.exists()
    assert the_row().redeemed_at is None


class SlowBackend(BaseSMSBackend):
    """Says yes; meanwhile staff have taken the code back."""

    checks_codes = True

    def check_code(self, check: CodeCheck) -> bool:
        assert services.invalidate_codes(OTPCode.objects.all()) == 1
        return True


@pytest.mark.parametrize(
    ("backend", "typed", "expected"),
    [
        ("DeletedBackend", "111111", (401, "invalid_code")),
        ("DeletedBackend", "333333", (503, "unavailable")),
        ("ResetBackend", "333333", (503, "unavailable")),
    ],
)
def test_a_row_that_went_away_while_the_gateway_was_asked(
    *,
    get_code: Post,
    auth_code: Post,
    settings: Any,
    backend: str,
    typed: str,
    expected: tuple[int, str],
) -> None:
    get_code()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.{backend}"}}
    assert guess(auth_code, typed) == expected
    assert {*OTPCode.objects.values_list("failed_attempts", flat=True)} <= {0}
    assert not User.objects.exists()


class DeletedBackend(BaseSMSBackend):
    """Says yes, or nothing; meanwhile the row is deleted."""

    checks_codes = True

    def check_code(self, check: CodeCheck) -> bool:
        self.meanwhile()
        if check.typed == "111111":
            return True
        raise NotDelivered("Busy.")

    def meanwhile(self) -> None:
        OTPCode.objects.all().delete()


class ResetBackend(DeletedBackend):
    """The row is reset by hand instead."""

    def meanwhile(self) -> None:
        OTPCode.objects.update(failed_attempts=0)


def test_a_gateway_that_approves_twice_logs_in_once(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    verify.approves_twice = True
    get_code()
    code = verify.code(PHONE)

    assert guess(auth_code, code) == (200, "")
    assert guess(auth_code, code) == (401, "invalid_code")


# What is withheld


def test_a_withheld_code_is_asked_for_like_any_other(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
        assert asked(get_code) == (202, "")
        assert verify.requests == []
        assert the_row().is_withheld
        assert guess(auth_code, "123456") == (401, "invalid_code")
    assert len(verify.requests_for("VerificationCheck")) == 1
    assert (the_row().failed_attempts, failures()) == (1, 1)


def test_a_withheld_code_is_never_right(
    get_code: Post, auth_code: Post, verify: FakeVerify
) -> None:
    """Another program that uses the service may have had Verify send a code to the number."""
    with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
        get_code()
        verify.begin(PHONE, "123456")
        assert guess(auth_code, "123456") == (401, "invalid_code")
    assert verify.verifications[0].status == "approved"
    assert not User.objects.exists()


# A site that is broken


def test_a_broken_resolver_says_so_before_the_gateway_spends_the_code(
    get_code: Post, auth_code: Post, verify: FakeVerify, client: Client
) -> None:
    client.raise_request_exception = False
    get_code()
    code = verify.code(PHONE)
    with override_sms_otp(USER_RESOLVER="nowhere.Resolver"):
        assert auth_code(phone_number=PHONE, code=code).status_code == 500

    assert verify.open(PHONE).checks == 0
    assert guess(auth_code, code) == (200, "")


def test_an_error_of_the_site_costs_the_code_and_one_attempt(
    get_code: Post, auth_code: Post, verify: FakeVerify, client: Client
) -> None:
    """The gateway has spent its code: the person asks for a new one."""
    client.raise_request_exception = False
    get_code()
    code = verify.code(PHONE)
    with override_sms_otp(TOKEN_ISSUER="tests.support.issuers.BrokenIssuer"):
        assert auth_code(phone_number=PHONE, code=code).status_code == 500

    assert the_row().redeemed_at is None
    assert the_row().failed_attempts == 1
    assert guess(auth_code, code) == (401, "invalid_code")


# Codes of our own


def test_a_custom_code_is_checked_here(
    get_code: Post, auth_code: Post, verify: FakeVerify, configure: Configure
) -> None:
    configure(custom_codes=True)
    with override_sms_otp(CODE_LENGTH=8):
        answer = body_of(get_code())
        code = verify.code(PHONE)

        assert answer["code_length"] == len(code) == 8
        assert guess(auth_code, wrong(code)) == (401, "invalid_code")
        assert guess(auth_code, code) == (200, "")
        assert guess(auth_code, code) == (401, "invalid_code")
    assert verify.requests_for("VerificationCheck") == []


# Secrecy


def test_the_code_is_found_nowhere(
    get_code: Post, auth_code: Post, verify: FakeVerify, caplog: pytest.LogCaptureFixture
) -> None:
    connection.force_debug_cursor = True
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    try:
        answers = [get_code()]
        code = verify.code(PHONE)
        answers.append(auth_code(phone_number=PHONE, code=wrong(code)))
        answers.append(auth_code(phone_number=PHONE, code=code))
    finally:
        connection.force_debug_cursor = False
    assert [answer.status_code for answer in answers] == [202, 401, 200]
    rows = "\n".join(
        repr(row)
        for model in apps.get_models()
        if model._meta.managed
        for row in model._default_manager.values()
    )
    said = "\n".join(answer.content.decode() + str(answer.headers) for answer in answers)
    for place in (rows, caplog.text, said):
        assert code not in place
    assert OTPCode._meta.db_table in caplog.text


def test_the_gateway_is_told_the_number_and_no_text_of_ours(
    get_code: Post, verify: FakeVerify
) -> None:
    with override_sms_otp(MESSAGE="Our own words: {code}"):
        get_code()
    assert verify.requests[0].form == {"To": PHONE, "Channel": "sms", "Locale": "en"}
