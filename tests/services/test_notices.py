"""Who loses a number, or gets another one, is told by SMS."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone, translation

from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.backends.locmem import SMSBackend
from django_sms_otp.exceptions import DeliveryUnknown
from django_sms_otp.limits.messages import MOST_NOTICES
from django_sms_otp.results import LinkedNumber, NumberLinked, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..conftest import last_code
from .test_linking import code_for, link
from .test_numbers import NEW, OLD, THIRD, id_of, texts_of, user_with

pytestmark = pytest.mark.django_db(transaction=True)

NOT_YOU = "Not you? Contact us."


@pytest.fixture(autouse=True)
def site() -> Any:
    with override_sms_otp(COOLDOWN=[], SITE_NAME="Shop"):
        yield


def told() -> list[tuple[str, str]]:
    """Return the notices so far, and forget them."""
    found = [(each.to, each.body) for each in testing.outbox if each.code is None]
    testing.outbox.clear()
    return [(to, body.removesuffix(f" {NOT_YOU}")) for to, body in found]


def test_the_primary_number_is_told_of_a_new_one() -> None:
    user = user_with(OLD, THIRD)
    link(user, code_for(user))
    assert told() == [(OLD, "Shop: A number that ends in 32 was added to your account.")]


def test_nobody_is_told_of_a_first_number() -> None:
    user = user_with()
    link(user, code_for(user))
    assert told() == []


def test_nobody_is_told_of_a_number_that_is_verified_anew() -> None:
    user = user_with(OLD, NEW)
    link(user, code_for(user))
    assert told() == []


def test_a_replaced_number_is_told() -> None:
    user = user_with(THIRD, OLD)
    link(user, code_for(user), replaces=id_of(user, OLD))
    assert told() == [(OLD, "Shop: A number that ends in 32 replaces this one.")]


def test_a_removed_number_is_told() -> None:
    user = user_with(OLD, THIRD)
    services.unlink_number(user, id_of(user, THIRD))
    assert told() == [(THIRD, "Shop: This number was removed from your account.")]


def test_the_old_primary_number_is_told() -> None:
    user = user_with(OLD, THIRD)
    services.make_primary(user, id_of(user, THIRD))
    assert told() == [(OLD, "Shop: Your main number now ends in 33.")]
    services.make_primary(user, id_of(user, THIRD))
    assert told() == []


def test_who_loses_a_number_to_somebody_else_is_told_at_another_one() -> None:
    user_with(NEW, OLD)
    other = user_with(THIRD)
    link(other, code_for(other))
    assert told() == [
        (THIRD, "Shop: A number that ends in 32 was added to your account."),
        (OLD, "Shop: Your number that ends in 32 is now another account's."),
    ]


def test_what_was_refused_is_told_to_nobody() -> None:
    user = user_with(OLD)
    services.unlink_number(user, id_of(user, OLD))
    services.make_primary(user, "0")
    assert told() == []


@override_sms_otp(NOTIFY_OLD_NUMBER=False)
def test_a_site_may_tell_people_in_its_own_way() -> None:
    user = user_with(OLD, THIRD)
    services.unlink_number(user, id_of(user, THIRD))
    link(user, code_for(user))
    assert told() == []


def test_the_language_is_that_of_the_request() -> None:
    user = user_with(OLD, THIRD)
    with translation.override("de"):
        services.unlink_number(user, id_of(user, THIRD))
    [(_, text)] = told()
    assert "aus Ihrem Konto entfernt" in text


def test_the_language_is_that_of_the_person_and_not_of_whoever_has_their_session() -> None:
    user = user_with(OLD, THIRD)
    with translation.override("de"):
        services.request_code(services.read_phone_number(THIRD))
        services.redeem_code(last_code(), phone_number=services.read_phone_number(THIRD))
    with translation.override("fr"):
        services.request_code(services.read_phone_number(THIRD))  # Anybody can.
        services.unlink_number(user, id_of(user, THIRD))
    [(_, text)] = told()
    assert "aus Ihrem Konto entfernt" in text


def test_a_test_number_gets_no_message() -> None:
    tests = {OLD: {"code": "123456", "until": date(2099, 1, 1)}}
    number = services.read_phone_number(OLD)
    with override_sms_otp(TEST_NUMBERS=tests, COOLDOWN=[]):
        services.request_code(number)
        redeemed: Any = services.redeem_code("123456", phone_number=number)
        link(redeemed.user, code_for(redeemed.user))
        assert told() == []
    # It is an ordinary number again.
    with override_sms_otp(COOLDOWN=[]):
        services.unlink_number(redeemed.user, id_of(redeemed.user, OLD))
    assert [to for to, _ in told()] == [OLD]


def toggle(user: User, times: int) -> None:
    for _ in range(times):
        for number in (THIRD, OLD):
            services.make_primary(user, id_of(user, number))


def test_a_number_is_told_a_few_times_a_day(time_machine: Any) -> None:
    # Otherwise the holder of a premium number could have the site send to it without end.
    now = timezone.now()
    time_machine.move_to(now)
    user = user_with(OLD, THIRD)
    toggle(user, MOST_NOTICES + 3)
    assert len(told()) == 2 * MOST_NOTICES
    time_machine.move_to(now + timedelta(days=1, minutes=1))
    toggle(user, 1)
    assert len(told()) == 2


def test_whoever_asks_for_codes_keeps_no_notice_away() -> None:
    user = user_with(OLD, THIRD)
    number = services.read_phone_number(OLD)
    with override_sms_otp(LIMITS={"phone": "1/h"}):
        services.request_code(number)
        assert isinstance(services.request_code(number), RequestRefused)
        services.make_primary(user, id_of(user, THIRD))
    assert len(told()) == 1


def test_a_notice_does_not_keep_a_code_away() -> None:
    user = user_with(OLD, THIRD)
    with override_sms_otp(LIMITS={"phone": "1/h"}):
        toggle(user, 3)
        services.request_code(services.read_phone_number(OLD))
    assert testing.outbox[-1].code


class TextsFail(SMSBackend):
    """Sends codes, and gives no answer about anything else."""

    def send(self, message: SMSMessage) -> SendResult:
        if message.code is None:
            raise DeliveryUnknown("No answer.")
        return super().send(message)


class TextsBreak(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise ZeroDivisionError(message.to)


@pytest.mark.parametrize("backend", [TextsFail, TextsBreak], ids=lambda each: each.__name__)
def test_a_notice_that_fails_changes_nothing(
    backend: type, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    user = user_with(OLD, THIRD)
    path = f"{backend.__module__}.{backend.__qualname__}"
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": path}}
    with caplog.at_level(logging.INFO, "django_sms_otp"):
        removed = services.unlink_number(user, id_of(user, THIRD))
    assert isinstance(removed, LinkedNumber)
    assert texts_of(user) == [OLD]
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
    assert THIRD not in caplog.text


def test_a_notice_shows_two_digits_and_fits_one_message() -> None:
    user = user_with(OLD, THIRD)
    linked = link(user, code_for(user))
    assert isinstance(linked, NumberLinked)
    [(_, text)] = told()
    assert NEW[-4:] not in text
    assert len(f"{text} {NOT_YOU}") < 160
