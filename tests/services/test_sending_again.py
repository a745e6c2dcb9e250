"""Staff send a live code again."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone, translation

from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.controls.hooks import Challenge, SendAttempt
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.limits.failures import id_group
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..admin.staff import limit
from ..conftest import PHONE, Post, body_of, last_code, wrong

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = {"COOLDOWN": [], "CHANNELS": {"sms": "default", "voice": "default"}}


class Closed(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        return False


class Failing(BaseSMSBackend):
    error: DeliveryError

    def send(self, message: SMSMessage) -> SendResult:
        raise self.error


@override_sms_otp(**BOTH)
def test_the_same_code_goes_by_another_channel(get_code: Post, auth_code: Post) -> None:
    request_id = body_of(get_code())["request_id"]
    code = last_code()
    answer = services.send_again(OTPCode.objects.get(), channel="voice")
    assert isinstance(answer, CodeRequested)
    assert str(answer.request_id) == request_id
    assert (testing.outbox[-1].channel, last_code()) == ("voice", code)
    assert auth_code(request_id=request_id, code=code).status_code == 200


@override_sms_otp(**BOTH)
def test_the_id_stays_the_secret_of_who_asked(get_code: Post, auth_code: Post) -> None:
    """Otherwise staff would be a second asker, and the id would tell nobody apart."""
    request_id = body_of(get_code())["request_id"]
    services.send_again(OTPCode.objects.get())
    for _ in range(4):
        answer = auth_code(request_id=request_id, code=wrong(last_code()))
        assert answer.status_code == 401
    code = OTPCode.objects.get()
    state = NumberState.from_json(Limit.objects.get(kind="number").state)
    assert state.guesses.codes[code.short_id].by == {id_group(code.short_id): 4}
    assert auth_code(request_id=request_id, code=last_code()).status_code == 200


@override_sms_otp(COOLDOWN=[], LIMITS={"phone": "2/h"})
def test_it_counts_as_a_message(get_code: Post) -> None:
    get_code()
    code = OTPCode.objects.get()
    assert isinstance(services.send_again(code), CodeRequested)
    refused = services.send_again(code)
    assert isinstance(refused, RequestRefused)
    assert refused.reason == "quota_exceeded"
    assert len(testing.outbox) == 2


def test_what_ended_is_not_sent_and_no_other_code_is(get_code: Post) -> None:
    get_code()
    code = OTPCode.objects.get()
    services.give_back_messages(PHONE)
    code.created_at = timezone.now() - timedelta(minutes=9)
    code.expires_at = timezone.now() + timedelta(minutes=1)
    code.save()
    assert services.send_again(code) == RequestRefused(reason="invalid_code")
    services.invalidate_codes([code])
    assert services.send_again(code) == RequestRefused(reason="invalid_code")
    assert OTPCode.objects.count() == len(testing.outbox) == 1


@override_sms_otp(COOLDOWN=[])
def test_staff_pass_no_captcha_and_the_language_is_the_persons(get_code: Post) -> None:
    with translation.override("de"):
        services.request_code(services.read_phone_number(PHONE))
    with override_sms_otp(CHALLENGE=f"{__name__}.Closed"):
        assert body_of(get_code())["code"] == "challenge_required"
        assert isinstance(services.send_again(OTPCode.objects.get()), CodeRequested)
    assert testing.outbox[-1].body == testing.outbox[0].body


def test_a_blocked_number_gets_nothing(get_code: Post) -> None:
    get_code()
    code = OTPCode.objects.get()
    services.block_number(PHONE)
    assert isinstance(services.send_again(code), RequestRefused)
    assert len(testing.outbox) == 1


@override_sms_otp(COOLDOWN=[], REQUIRE_REQUEST_ID=True)
def test_it_is_the_code_that_was_asked_for(get_code: Post) -> None:
    first = body_of(get_code())["request_id"]
    code = last_code()
    get_code()
    services.send_again(OTPCode.objects.get(pk=first))
    assert last_code() == code


@override_sms_otp(COOLDOWN=[])
def test_who_did_it_is_logged(get_code: Post, caplog: pytest.LogCaptureFixture) -> None:
    get_code()
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    code = OTPCode.objects.get()
    services.send_again(code, by="User 5")
    text = f"User 5 sent code {code.short_id} of +1********71 again by sms: sent."
    assert caplog.records[-1].getMessage() == text


@pytest.mark.parametrize(
    ("error", "reason", "outcome"),
    [
        (DeliveryBlocked("Fraud.", error_code="30450"), "", "failed"),
        (DeliveryUnknown("Silence."), "delivery_failed", "unknown"),
        (NotDelivered("Down."), "delivery_failed", "delivery_failed"),
    ],
)
@override_sms_otp(COOLDOWN=[])
def test_what_became_of_it_is_logged_and_told_to_staff_alone(
    get_code: Post,
    caplog: pytest.LogCaptureFixture,
    error: DeliveryError,
    reason: str,
    outcome: str,
) -> None:
    get_code()
    code = OTPCode.objects.get()
    with override_settings(SMS_OTP_BACKENDS={"default": {"BACKEND": f"{__name__}.Failing"}}):
        Failing.error = error
        caplog.set_level(logging.INFO, logger="django_sms_otp")
        answer = services.send_again(code)
    assert getattr(answer, "reason", "") == reason
    assert caplog.records[-1].getMessage().endswith(f"again by sms: {outcome}.")
    assert code.delivery_state == OTPCode.objects.get().delivery_state


@override_sms_otp(COOLDOWN=[])
@pytest.mark.parametrize("delivery", ["immediate", "tasks"])
def test_a_message_that_is_withheld_is_logged_as_such(
    get_code: Post, caplog: pytest.LogCaptureFixture, delivery: str
) -> None:
    get_code()
    code = OTPCode.objects.get()
    limit("prefix:+1415555", SharedCounters(blocked_until=time.time() + 99))
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    with override_sms_otp(CONVERSION_BREAKER={}, DELIVERY=delivery):
        assert isinstance(services.send_again(code), CodeRequested)
    assert code.withheld_by == "breaker"
    assert caplog.records[-1].getMessage().endswith("again by sms: withheld.")
    assert len(testing.outbox) == 1


def test_arguments_of_the_wrong_type_are_refused(get_code: Post) -> None:
    with pytest.raises(TypeError, match="row of OTPCode"):
        services.send_again("code")  # type: ignore[arg-type]
    get_code()
    with pytest.raises(ValueError, match="has no 'fax'"):
        services.send_again(OTPCode.objects.get(), channel="fax")
