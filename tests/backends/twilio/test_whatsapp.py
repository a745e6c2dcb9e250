"""What a WhatsApp message is made of."""

from __future__ import annotations

import json

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.exceptions import DeliveryRefused, NotDelivered

from ...support.fake_twilio import MESSAGE_SID, FakeTwilio, refusal
from .kit import CODE, OPTIONS, PHONE, SENDER, MakeBackend, failure_of, make_message

CONTENT_SID = "HX" + "4" * 32
MESSAGE = make_message(channel="whatsapp")


def whatsapp(make_backend: MakeBackend, twilio: FakeTwilio, **options: object) -> SMSBackend:
    values = {"whatsapp_from": "+15005550007", **options}
    return make_backend(**OPTIONS, **values, base_url=twilio.base_url)


@pytest.mark.parametrize("prefix", ["", "whatsapp:"])
def test_without_a_template_the_text_is_sent_as_it_is(
    make_backend: MakeBackend, twilio: FakeTwilio, prefix: str
) -> None:
    backend = whatsapp(make_backend, twilio, whatsapp_from=f"{prefix}+15005550007")

    assert backend.send(MESSAGE).message_id == MESSAGE_SID

    assert twilio.requests[0].form == {
        "To": f"whatsapp:{PHONE}",
        "From": "whatsapp:+15005550007",
        "Body": f"Your code is {CODE}",
        "ValidityPeriod": "600",
        "ProvideFeedback": "true",
    }


def test_a_template_gets_the_code_and_no_text(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    whatsapp(make_backend, twilio, content_sid=CONTENT_SID).send(MESSAGE)

    form = twilio.requests[0].form
    assert form["ContentSid"] == CONTENT_SID
    assert json.loads(form["ContentVariables"]) == {"1": CODE}
    assert "Body" not in form


def test_the_variables_of_a_template_are_the_sites(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    variables = {"code": "{code}", "button": "otp{code}", "shop": 'Tom & "Jerry" {it}'}
    options = {"content_sid": CONTENT_SID, "content_variables": variables}
    whatsapp(make_backend, twilio, **options).send(MESSAGE)

    assert json.loads(twilio.requests[0].form["ContentVariables"]) == {
        "code": CODE,
        "button": f"otp{CODE}",
        "shop": 'Tom & "Jerry" {it}',
    }


def test_sms_and_whatsapp_have_a_sender_each(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    backend = whatsapp(make_backend, twilio, senders={"US": "ACME"})
    backend.send(MESSAGE)
    backend.send(make_message())

    assert [each.form["From"] for each in twilio.requests] == ["whatsapp:+15005550007", "ACME"]


def test_feedback_may_be_off_and_redaction_on(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    options = {
        "provide_feedback": False,
        "content_retention": "discard",
        "address_retention": "obfuscate",
    }
    whatsapp(make_backend, twilio, **options).send(MESSAGE)

    form = twilio.requests[0].form
    assert "ProvideFeedback" not in form
    assert (form["ContentRetention"], form["AddressRetention"]) == ("discard", "obfuscate")


@pytest.mark.parametrize("code", [63003, 63024])
def test_who_has_no_whatsapp_is_refused(
    make_backend: MakeBackend, twilio: FakeTwilio, code: int
) -> None:
    twilio.answers(refusal(400, code))

    error = failure_of(whatsapp(make_backend, twilio), MESSAGE)

    assert isinstance(error, DeliveryRefused)
    assert error.code == "phone_number_not_sms_capable"


def test_a_text_where_a_template_is_due_is_the_sites_fault(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(refusal(400, 63016))

    error = failure_of(whatsapp(make_backend, twilio), MESSAGE)

    assert isinstance(error, NotDelivered)
    assert error.needs_attention


def test_the_sender_of_sms_is_no_sender_of_whatsapp(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    backend = make_backend(**OPTIONS, base_url=twilio.base_url)

    assert failure_of(backend, MESSAGE).error_code == "no-sender"
    assert OPTIONS["from_number"] == SENDER
