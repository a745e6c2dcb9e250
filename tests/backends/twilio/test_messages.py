"""What an SMS is made of."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from django_sms_otp.backends import get_backend
from django_sms_otp.backends.base import SMSMessage
from django_sms_otp.backends.twilio.backend import SMSBackend

from ...support.fake_twilio import MESSAGE_SID, FakeTwilio, accepted
from .kit import (
    ACCOUNT_SID,
    API_KEY,
    API_KEY_SECRET,
    API_KEY_SID,
    AUTH_TOKEN,
    CODE,
    OPTIONS,
    PHONE,
    SENDER,
    SERVICE_SID,
    MakeBackend,
    make_message,
    without,
)


def test_a_message_is_created_under_the_account(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    [request] = twilio.requests
    assert request.method == "POST"
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


def test_a_message_from_a_number_has_just_these_fields(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert twilio.requests[0].form == {
        "To": PHONE,
        "Body": f"Your code is {CODE}",
        "From": SENDER,
        "ValidityPeriod": "600",
        "ProvideFeedback": "true",
        "RiskCheck": "enable",
        "SmartEncoded": "true",
    }


def test_a_message_of_a_messaging_service_has_no_sender_of_its_own(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    options = {**without("from_number"), "messaging_service_sid": SERVICE_SID}
    make_backend(**options, base_url=twilio.base_url).send(make_message())

    form = twilio.requests[0].form
    assert form["MessagingServiceSid"] == SERVICE_SID
    assert "From" not in form


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"provide_feedback": False}, {"ProvideFeedback": None}),
        ({"risk_check": None}, {"RiskCheck": None}),
        ({"risk_check": False}, {"RiskCheck": None}),
        ({"risk_check": "disable"}, {"RiskCheck": "disable"}),
        ({"smart_encoded": False}, {"SmartEncoded": None}),
        ({}, {"ContentRetention": None, "AddressRetention": None, "ShortenUrls": None}),
        ({"content_retention": "discard"}, {"ContentRetention": "discard"}),
        ({"address_retention": "obfuscate"}, {"AddressRetention": "obfuscate"}),
    ],
    ids=repr,
)
def test_an_option_is_a_field_or_left_out(
    make_backend: MakeBackend,
    twilio: FakeTwilio,
    options: dict[str, Any],
    fields: dict[str, str | None],
) -> None:
    make_backend(**OPTIONS, **options, base_url=twilio.base_url).send(make_message())

    form = twilio.requests[0].form
    assert {name: form.get(name) for name in fields} == fields


@pytest.mark.parametrize("default", ["from_number", "messaging_service_sid"])
def test_a_region_has_a_sender_of_its_own(
    make_backend: MakeBackend, twilio: FakeTwilio, default: str
) -> None:
    options = {
        **without("from_number"),
        default: {"from_number": SENDER}.get(default, SERVICE_SID),
    }
    backend = make_backend(
        **options, senders={"GB": "ACME", "FR": "+33612345678"}, base_url=twilio.base_url
    )

    for region in ("GB", "FR", "US"):
        backend.send(make_message(region=region))

    senders = [
        request.form.get("From") or request.form["MessagingServiceSid"]
        for request in twilio.requests
    ]
    assert senders == ["ACME", "+33612345678", options[default]]
    assert all(
        "From" not in each.form or "MessagingServiceSid" not in each.form
        for each in twilio.requests
    )


@pytest.mark.parametrize(
    ("valid_for", "seconds"),
    [
        (timedelta(seconds=-5), "1"),
        (timedelta(0), "1"),
        (timedelta(milliseconds=900), "1"),
        (timedelta(seconds=61.9), "61"),
        (timedelta(hours=10), "36000"),
        (timedelta(hours=10, seconds=1), "36000"),
        (timedelta(days=3), "36000"),
    ],
)
def test_the_validity_period_is_the_rest_of_the_lifetime_as_far_as_twilio_takes_it(
    backend: SMSBackend, twilio: FakeTwilio, valid_for: timedelta, seconds: str
) -> None:
    backend.send(make_message(valid_for=valid_for))

    assert twilio.requests[0].form["ValidityPeriod"] == seconds


def test_a_body_of_several_scripts_and_lines_arrives_as_it_is(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    body = f"Ваш код & code + 100%: {CODE} 🔑\n@example.com #{CODE}"
    message = SMSMessage(
        to=PHONE,
        body=body,
        code=CODE,
        purpose="login",
        request_id=uuid.UUID(int=7),
        valid_for=timedelta(minutes=5),
    )

    backend.send(message)

    assert twilio.requests[0].form["Body"] == body


def test_the_account_authenticates_with_its_auth_token(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert twilio.requests[0].credentials == (ACCOUNT_SID, AUTH_TOKEN)


def test_an_api_key_authenticates_and_the_address_keeps_the_account(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    make_backend(**without("auth_token"), **API_KEY, base_url=twilio.base_url).send(
        make_message()
    )

    [request] = twilio.requests
    assert request.credentials == (API_KEY_SID, API_KEY_SECRET)
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


def test_beside_a_key_the_auth_token_is_kept_for_the_webhook_alone(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    backend = make_backend(**OPTIONS, **API_KEY, base_url=twilio.base_url)
    backend.send(make_message())

    assert twilio.requests[0].credentials == (API_KEY_SID, API_KEY_SECRET)
    assert backend.receipt_secret == AUTH_TOKEN
    assert AUTH_TOKEN not in repr(backend)


def test_a_key_alone_leaves_no_auth_token(make_backend: MakeBackend) -> None:
    assert make_backend(**without("auth_token"), **API_KEY).receipt_secret == ""


def test_a_message_may_be_named_by_a_uuid(backend: SMSBackend, twilio: FakeTwilio) -> None:
    name = "b3877c40-da60-4998-90ad-b792e98472af"
    twilio.answers(accepted(sid=name))

    assert backend.send(make_message()).message_id == name


def test_the_result_carries_twilios_name_for_the_message(backend: SMSBackend) -> None:
    assert backend.send(make_message()).message_id == MESSAGE_SID


def test_it_is_found_by_its_module(
    settings: Any, make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {
            "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
            "OPTIONS": {**OPTIONS, "base_url": twilio.base_url},
        }
    }

    assert get_backend().send(make_message()).message_id == MESSAGE_SID
