"""Test numbers: a fixed code and no message, in every other way a number like any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from django_sms_otp import services, testing
from django_sms_otp.conf import get_settings
from django_sms_otp.controls.hooks import (
    NumberLookup,
    NumberRisk,
    NumberUse,
    Risk,
    SendAttempt,
    Verdict,
)
from django_sms_otp.delivery import deliver_queued
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.models import (
    DeliveryState,
    HourlyCount,
    Limit,
    LimitKind,
    OTPCode,
    VerifiedPhone,
)
from django_sms_otp.results import CodeRequested, Redeemed, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code, wrong
from ..support import fake_verify
from ..support.customers.models import SharedPhoneCustomer
from ..support.engines import DUMMY
from ..support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 2, 1, 12, tzinfo=UTC)
NUMBER = "+14155550100"
CODE = "123456"
UNTIL = date(2027, 3, 1)
WEBHOOK = {
    "BACKEND": "django_sms_otp.backends.webhook.SMSBackend",
    "OPTIONS": {"url": "https://127.0.0.1:9/", "secret": "s" * 32},
}
"""It reaches phones, so numbers of fiction are none."""


def entry(number: str = NUMBER, **values: Any) -> dict[str, Any]:
    return {"TEST_NUMBERS": {number: {"code": CODE, "until": UNTIL, **values}}}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller, override_sms_otp(**entry()):
        yield traveller


@pytest.fixture
def log_in(get_code: Post, auth_code: Post) -> Post:
    def log_in(number: str = NUMBER, code: str = CODE) -> Any:
        assert get_code(phone_number=number).status_code == 202
        return auth_code(phone_number=number, code=code)

    return log_in


def test_the_fixed_code_logs_in_and_no_message_leaves(log_in: Post) -> None:
    assert log_in().status_code == 200
    assert testing.outbox == []
    row = OTPCode.objects.get()
    assert (row.withheld_by, row.delivery_state) == ("test_number", DeliveryState.WITHHELD)
    assert row.user == User.objects.get()
    assert row.redeemed_at is not None


def test_a_reviewer_who_comes_back_has_the_same_account(
    log_in: Post, clock: time_machine.Traveller
) -> None:
    assert log_in().status_code == 200
    clock.shift(timedelta(days=20))
    assert log_in().status_code == 200
    assert User.objects.count() == 1
    assert testing.outbox == []


@pytest.mark.parametrize("code", ["1234", "0000000000"])
def test_the_answer_says_how_long_the_code_is(get_code: Post, log_in: Post, code: str) -> None:
    with override_sms_otp(COOLDOWN=[], **entry(code=code)):
        assert body_of(get_code(phone_number=NUMBER))["code_length"] == len(code)
        assert log_in(code=code).status_code == 200


def test_a_number_of_fiction_is_linked_to_nobody() -> None:
    user, number = UserFactory.create(), services.read_phone_number(NUMBER)
    with override_settings(SMS_OTP_BACKENDS={"default": WEBHOOK}):
        refused = services.request_link_code(user, number)
        assert refused == RequestRefused(reason="invalid_phone_number")
        assert isinstance(services.request_code(number), CodeRequested)
    # A holder of the number could get the message.
    with override_sms_otp(**entry(PHONE)):
        asked = services.request_link_code(user, services.read_phone_number(PHONE))
    assert isinstance(asked, CodeRequested)
    assert [message.to for message in testing.outbox] == [PHONE]


@pytest.mark.parametrize("number", ["+447700900123", "+18005550199", "+16502530000"])
def test_any_number_will_do(log_in: Post, number: str) -> None:
    # Of no type, of a type that takes no SMS, of a region without messages.
    with (
        override_sms_otp(ALLOWED_REGIONS=["FR"], DEFAULT_REGION="FR", **entry(number)),
        override_settings(SMS_OTP_BACKENDS={"default": WEBHOOK}),
    ):
        assert log_in(f"{number[:3]} {number[3:]}").status_code == 200


def test_wrong_guesses_count_as_ever(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=NUMBER)
    answers = [auth_code(phone_number=NUMBER, code=wrong(CODE)).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 429
    assert OTPCode.objects.get().failed_attempts == 5


def test_attempts_and_lockouts_are_those_of_any_number(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    seen: dict[str, list[int]] = {NUMBER: [], PHONE: []}
    for _ in range(5):
        for number, statuses in seen.items():
            statuses.append(get_code(phone_number=number).status_code)
            guesses = [auth_code(phone_number=number, code="12345") for _ in range(6)]
            statuses += [answer.status_code for answer in guesses]
        clock.shift(timedelta(minutes=5))
    assert seen[NUMBER] == seen[PHONE]
    assert 429 in seen[NUMBER]
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401


def test_the_cooldown_holds(get_code: Post) -> None:
    assert get_code(phone_number=NUMBER).status_code == 202
    assert body_of(get_code(phone_number=NUMBER))["code"] == "cooldown"


def test_the_code_is_used_up_by_a_login(log_in: Post, auth_code: Post) -> None:
    assert log_in().status_code == 200
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401


def test_without_a_request_there_is_no_code(auth_code: Post) -> None:
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401


def test_the_code_is_in_no_repr_and_no_error() -> None:
    assert CODE not in repr(get_settings())
    assert CODE not in repr(get_settings().test_code(NUMBER))
    with (
        override_sms_otp(TEST_NUMBERS={NUMBER: {"code": f"{CODE}x"}}),
        pytest.raises(InvalidSettings) as caught,
    ):
        get_settings()
    assert str(caught.value) == (
        "SMS_OTP['TEST_NUMBERS']['+14155550100']['code'] must be a text of 4 to 10 digits."
    )


def test_other_numbers_are_ordinary(log_in: Post) -> None:
    assert log_in(PHONE).status_code == 401
    assert last_code() != CODE


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (datetime(2027, 3, 1, 22, 59, tzinfo=UTC), 200),
        (datetime(2027, 3, 1, 23, 1, tzinfo=UTC), 401),
    ],
)
@override_settings(TIME_ZONE="Europe/Berlin")
def test_the_last_day_ends_at_midnight_of_the_site(
    log_in: Post, clock: time_machine.Traveller, now: datetime, status: int
) -> None:
    clock.move_to(now)
    assert log_in().status_code == status
    assert len(testing.outbox) == (status == 401)


def test_a_code_ends_with_its_number(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2027, 3, 1, 23, 59, tzinfo=UTC))
    with override_settings(TIME_ZONE="UTC"):
        get_code(phone_number=NUMBER)
        clock.shift(timedelta(minutes=2))
        assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401
        # An ordinary message supersedes it.
        get_code(phone_number=NUMBER)
    assert auth_code(phone_number=NUMBER, code=last_code()).status_code == 200


def test_without_an_end_it_lasts(log_in: Post, clock: time_machine.Traveller) -> None:
    with override_sms_otp(TEST_NUMBERS={NUMBER: {"code": CODE}}):
        clock.shift(timedelta(days=900))
        assert log_in().status_code == 200


def test_an_earlier_ordinary_code_does_not_become_the_fixed_one(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    with override_sms_otp(TEST_NUMBERS={}, CODE_LENGTH=8):
        get_code(phone_number=NUMBER)
    ordinary = last_code()
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401
    clock.shift(timedelta(minutes=1))
    assert body_of(get_code(phone_number=NUMBER))["code_length"] == len(CODE)
    assert OTPCode.objects.filter(superseded_at=None).count() == 1
    assert auth_code(phone_number=NUMBER, code=ordinary).status_code == 401
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 200


def test_a_request_of_its_own_has_the_fixed_code_too(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[]):
        ids = [body_of(get_code(phone_number=NUMBER))["request_id"] for _ in range(2)]
        for each in ids:
            assert auth_code(request_id=each, code=CODE).status_code == 200


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_where_no_login_registers_the_site_prepares_an_account(
    get_code: Post, log_in: Post
) -> None:
    assert get_code(phone_number=NUMBER).status_code == 404
    phone = VerifiedPhoneFactory.create(phone_number=NUMBER, is_test=True)
    assert log_in().status_code == 200
    assert OTPCode.objects.get().user == phone.user


@override_settings(AUTH_USER_MODEL="customers.SharedPhoneCustomer")
@override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver", USER_PHONE_FIELD="phone"
)
def test_a_field_of_the_user_does_not_say_whose_account_it_is(log_in: Post) -> None:
    customer = SharedPhoneCustomer.objects.create(username="one", phone=NUMBER)
    assert log_in().status_code == 401
    assert len(testing.outbox) == 1
    customer.delete()


@override_settings(AUTH_USER_MODEL="customers.SharedPhoneCustomer")
@override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver", USER_PHONE_FIELD="phone"
)
def test_a_number_in_a_field_is_a_test_if_its_code_has_opened_the_account() -> None:
    other = SharedPhoneCustomer.objects.create(username="one", phone=PHONE)
    number = services.read_phone_number(NUMBER)
    services.request_code(number)
    # The tables of the tests refer to another user model, and MySQL looks at once.
    with connection.constraint_checks_disabled():
        services.redeem_code(CODE, phone_number=number)
    customer = SharedPhoneCustomer.objects.get(phone=NUMBER)
    found = [services.numbers_of(each)[0].is_test for each in (other, customer)]
    assert found == [False, True]
    VerifiedPhone.objects.all().delete()
    OTPCode.objects.all().delete()


@pytest.mark.parametrize("queue", ["immediate", "tasks"])
def test_twilio_verify_is_not_asked(client: Client, queue: str) -> None:
    with (
        fake_verify.fake_verify() as verify,
        override_settings(
            SMS_OTP_BACKENDS={"default": fake_verify.backend(verify.base_url)}, TASKS=DUMMY
        ),
        override_sms_otp(DELIVERY=queue, **entry(code="1234")),
    ):
        number = services.read_phone_number(NUMBER)
        asked = services.request_code(number)
        assert isinstance(asked, CodeRequested)
        assert asked.code_length == 4
        if queue == "tasks":
            deliver_queued(asked.request_id)
        for typed, kind in (("4321", False), ("1234", True)):
            answer: object = services.redeem_code(typed, phone_number=number)
            assert isinstance(answer, Redeemed) is kind
        assert verify.requests == []
    assert OTPCode.objects.get().delivery_state == DeliveryState.WITHHELD


def test_with_twilio_verify_each_code_lives_as_long_as_ever(
    get_code: Post, clock: time_machine.Traveller
) -> None:
    with (
        fake_verify.fake_verify() as verify,
        override_settings(SMS_OTP_BACKENDS={"default": fake_verify.backend(verify.base_url)}),
    ):
        get_code(phone_number=NUMBER)
        # A third of its life is left at least, or there is a new one.
        clock.shift(timedelta(minutes=8))
        get_code(phone_number=NUMBER)
    assert OTPCode.objects.count() == 2


class InvalidAll(NumberLookup):
    def look_up(self, attempt: SendAttempt) -> Verdict:
        return Verdict.NOT_SMS_CAPABLE


@override_sms_otp(NUMBER_LOOKUP=f"{__name__}.InvalidAll")
def test_no_provider_is_asked_about_the_number(log_in: Post, get_code: Post) -> None:
    assert log_in().status_code == 200
    assert get_code(phone_number=PHONE).status_code == 400


class AskNever(NumberRisk):
    def has_given_more(self, use: NumberUse) -> bool:
        raise AssertionError("A test number is not handed on.")

    def assess(self, use: NumberUse) -> Risk:
        raise AssertionError("A test number has no SIM that could be swapped.")


@override_sms_otp(STALE_AFTER=timedelta(days=90), NUMBER_RISK=f"{__name__}.AskNever")
def test_a_test_number_does_not_go_stale(log_in: Post, clock: time_machine.Traveller) -> None:
    with override_sms_otp(TEST_NUMBERS={NUMBER: {"code": CODE}}):
        assert log_in().status_code == 200
        clock.shift(timedelta(days=300))
        assert log_in().status_code == 200


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 1, "country_day": 1}, COOLDOWN=[])
def test_what_is_not_sent_uses_up_and_earns_nothing(log_in: Post) -> None:
    for _ in range(3):
        assert log_in().status_code == 200
    # Neither as sent nor as redeemed: who knows the code could otherwise raise the budget.
    country = Limit.objects.get(kind=LimitKind.COUNTRY)
    assert (country.state, country.uses) == ({}, 0)
    assert isinstance(services.request_code(services.read_phone_number(PHONE)), CodeRequested)
    other = OTPCode.objects.get(phone_number=PHONE)
    assert other.withheld_by == ""
    counted = HourlyCount.objects.filter(event__startswith="withheld")
    assert [(each.event, each.count) for each in counted] == [("withheld:test_number", 3)]


def test_a_step_up_of_the_account_has_the_fixed_code(log_in: Post) -> None:
    log_in()
    number = services.read_phone_number(NUMBER)
    with override_sms_otp(COOLDOWN=[], **entry()):
        services.request_code(number, purpose="step_up")
    answer: object = services.redeem_code(CODE, phone_number=number, purpose="step_up")
    assert isinstance(answer, Redeemed)
    assert testing.outbox == []


def test_the_row_says_which_account_is_a_test(
    log_in: Post, get_code: Post, auth_code: Post
) -> None:
    log_in()
    get_code(phone_number=PHONE)
    auth_code(phone_number=PHONE, code=last_code())
    rows = VerifiedPhone.objects.order_by("pk").values_list("phone_number", "is_test")
    assert [*rows] == [(NUMBER, True), (PHONE, False)]
