"""What Twilio is told to report, and what it is told."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.exceptions import DeliveryError, DeliveryUnknown, NotDelivered
from django_sms_otp.testing import override_sms_otp

from ...support.fake_twilio import MESSAGE_SID, Answer, FakeTwilio, accepted, refusal
from .kit import ACCOUNT_SID, OPTIONS, SENDER, MakeBackend, make_message

PUBLIC_URL = "https://shop.example"
REQUEST_ID = uuid.UUID(int=7)


def webhook(request: HttpRequest, gateway: str, alias: str) -> HttpResponse:
    return HttpResponse(gateway + alias)


hooks = ([path("<str:gateway>/<str:alias>/", webhook, name="webhook")], "sms_otp")


class WithWebhook:
    urlpatterns = [path("auth/sms/", include(hooks))]


class WithoutWebhook:
    urlpatterns: list[Any] = []


def callback_of(twilio: FakeTwilio) -> str | None:
    return twilio.requests[-1].form.get("StatusCallback")


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
@pytest.mark.parametrize("public_url", [PUBLIC_URL, f"{PUBLIC_URL}/"])
@override_settings(ROOT_URLCONF=WithWebhook)
def test_reports_come_to_the_public_url_and_name_the_message(
    make_backend: MakeBackend, twilio: FakeTwilio, channel: str, public_url: str
) -> None:
    senders = {"whatsapp_from": SENDER, "voice_from": SENDER}
    backend = make_backend(**OPTIONS, **senders, base_url=twilio.base_url)
    message = make_message(channel=channel, request_id=REQUEST_ID, send_count=3)

    with override_sms_otp(PUBLIC_URL=public_url):
        backend.send(message)

    callback = urlsplit(callback_of(twilio) or "")
    address = callback._replace(query="", fragment="").geturl()
    assert address == f"{PUBLIC_URL}/auth/sms/twilio/default/"
    # Twilio calls again where the site was down, and not only where it was out of reach.
    assert parse_qs(callback.fragment) == {"rc": ["3"], "rp": ["ct,rt,5xx"]}
    assert parse_qs(callback.query) == {"request_id": [str(REQUEST_ID)], "send_count": ["3"]}


@override_settings(ROOT_URLCONF=WithWebhook)
def test_without_a_public_url_nothing_is_reported(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert callback_of(twilio) is None


@override_settings(ROOT_URLCONF=WithoutWebhook)
@override_sms_otp(PUBLIC_URL=PUBLIC_URL)
def test_without_the_webhook_nothing_is_reported(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert callback_of(twilio) is None


def test_a_redeemed_code_is_reported(backend: SMSBackend, twilio: FakeTwilio) -> None:
    twilio.answers(accepted(outcome="confirmed"))

    assert backend.wants_feedback
    backend.send_feedback(MESSAGE_SID)

    [request] = twilio.requests
    messages = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
    assert (request.method, request.path) == ("POST", f"{messages}/{MESSAGE_SID}/Feedback.json")
    assert request.form == {"Outcome": "confirmed"}


def test_reports_may_be_off(make_backend: MakeBackend) -> None:
    assert not make_backend(**OPTIONS, provide_feedback=False).wants_feedback


@pytest.mark.parametrize("message_id", ["", "CA" + "a" * 32, "VE1", "SM/../Calls", "SM?x=1"])
def test_what_is_no_message_is_not_reported(
    backend: SMSBackend, twilio: FakeTwilio, message_id: str
) -> None:
    backend.send_feedback(message_id)

    assert twilio.requests == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(404, 20404), NotDelivered),
        (Answer(status=503), DeliveryUnknown),
        (Answer(status=201, body="<html>"), DeliveryUnknown),
        (Answer(hangs_up=True), DeliveryUnknown),
    ],
    ids=repr,
)
def test_a_report_that_is_not_taken_is_an_error_with_a_type(
    backend: SMSBackend, twilio: FakeTwilio, answer: Answer, error: type[DeliveryError]
) -> None:
    twilio.answers(answer)

    with pytest.raises(error):
        backend.send_feedback(MESSAGE_SID)

    assert len(twilio.requests) == 1
