"""What happens on the way to Twilio and back. Nothing is ever sent twice."""

from __future__ import annotations

import gzip
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.backends.twilio.client import LARGEST_ANSWER
from django_sms_otp.exceptions import DeliveryUnknown, NotDelivered
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import RequestRefused
from django_sms_otp.services import request_code

from ...support.fake_twilio import MESSAGE_SID, Answer, FakeTwilio, accepted, fake_twilio
from ...support.lateness import wait_for
from .kit import CODE, OPTIONS, PHONE, MakeBackend, failure_of, make_message

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
"""For 127.0.0.1, with its key."""

MEGABYTE = b"x" * 1024 * 1024

USELESS = {
    "html": Answer(status=201, body="<html>Hello</html>"),
    "nothing": Answer(status=201),
    "half-json": Answer(status=201, body='{"sid": '),
    "deep-json": Answer(status=201, body="[" * 20_000),
    "no-object": Answer(status=201, body="[]"),
    "null": Answer(status=201, body="null"),
    "text": Answer(status=201, body='"queued"'),
    "no-utf-8": Answer(status=201, body=b"\xff\xfe\x00{"),
    "no-sid": accepted(sid=None),
    "number-as-sid": accepted(sid=7),
    "list-as-sid": accepted(sid=["SM1"]),
    "path-as-sid": accepted(sid="SM/../../x"),
    "null-byte-in-sid": accepted(sid="SM\0"),
    "list-as-status": accepted(status=["queued"]),
    "html-500": Answer(status=500, body=f"<html>{PHONE} {CODE}</html>"),
    "broken-500": Answer(status=500, body="["),
    "status-600": Answer(status=600, body="{}"),
    "half-a-body": Answer(status=201, body='{"sid": "SM1"', breaks_off="end"),
    "reset": Answer(status=201, body='{"sid": "SM1"', breaks_off="reset"),
    "half-a-500": Answer(status=500, body="<html>", breaks_off="end"),
    "half-a-redirect": Answer(
        status=302, headers={"Location": "/x"}, body="x", breaks_off="end"
    ),
    "odd-redirect": Answer(status=302, headers={"Location": "http://["}),
    "empty-redirect": Answer(status=302, headers={"Location": "https://"}),
    "no-gzip-redirect": Answer(
        status=302,
        headers={"Location": "/x", "Content-Encoding": "gzip"},
        body="x" * 50_000,
        breaks_off="end",
    ),
    "reset-redirect": Answer(
        status=302, headers={"Location": "/x"}, body="x", breaks_off="reset"
    ),
    "huge-redirect": Answer(status=302, headers={"Location": "/x"}, body=MEGABYTE, times=3),
    "no-gzip": Answer(status=201, body="{}", headers={"Content-Encoding": "gzip"}),
    "ten-megabytes": Answer(status=201, body=MEGABYTE, times=10),
    "ten-megabytes-500": Answer(status=500, body=MEGABYTE, times=10),
    "hung-up": Answer(hangs_up=True),
}
useless = pytest.mark.parametrize("answer", USELESS.values(), ids=USELESS.keys())


def test_an_answer_that_comes_too_late_is_unknown_and_the_only_request(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(Answer(status=201, delay=30))
    backend = make_backend(**{**OPTIONS, "timeout": 0.5}, base_url=twilio.base_url)

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    wait_for(lambda: len(twilio.requests) == 1)


def test_a_connection_closed_without_an_answer_is_unknown_and_the_only_request(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(Answer(hangs_up=True))

    assert type(failure_of(backend)) is DeliveryUnknown
    assert len(twilio.requests) == 1


def test_a_refused_connection_means_not_sent(make_backend: MakeBackend) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = make_backend(**OPTIONS, base_url=f"http://127.0.0.1:{port}")

    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert error.error_code == "NewConnectionError"


def test_a_host_that_does_not_exist_means_not_sent(make_backend: MakeBackend) -> None:
    # RFC 6761, 6.4: never resolves.
    backend = make_backend(**OPTIONS, base_url="http://twilio.invalid")

    assert type(failure_of(backend)) is NotDelivered


# Answers that are none


@useless
def test_after_a_useless_answer_nobody_knows(
    backend: SMSBackend, twilio: FakeTwilio, answer: Answer
) -> None:
    twilio.answers(answer, accepted())

    assert type(failure_of(backend)) is DeliveryUnknown
    assert len(twilio.requests) == 1


@useless
@pytest.mark.django_db(transaction=True)
def test_a_useless_answer_is_one_line_in_the_log(
    twilio: FakeTwilio, settings: Any, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    options = {**OPTIONS, "base_url": twilio.base_url}
    path = "django_sms_otp.backends.twilio.SMSBackend"
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": path, "OPTIONS": options}}
    twilio.answers(answer, accepted())

    with caplog.at_level(logging.INFO, "django_sms_otp"):
        outcome: object = request_code(parse_phone_number(PHONE))

    assert isinstance(outcome, RequestRefused)
    assert outcome.reason == "delivery_failed"
    assert outcome.issued is not None
    records = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert [each.levelname for each in records] == ["WARNING"]
    assert PHONE not in caplog.text
    assert OTPCode.objects.get().delivery_state == "unknown"
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    backend: SMSBackend, twilio: FakeTwilio, status: int
) -> None:
    with fake_twilio() as elsewhere:
        headers = {"Location": f"{elsewhere.base_url}/elsewhere"}
        twilio.answers(Answer(status=status, headers=headers), accepted())

        error = failure_of(backend)

        assert elsewhere.requests == []
    assert type(error) is DeliveryUnknown
    assert error.error_code == str(status)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("status", ["4x", 400.5, None, [400], {}, "9" * 5000, True, -400])
@pytest.mark.parametrize("code", ["x", [21211], {}, 21211.5, None])
def test_an_error_that_makes_no_sense_is_unknown(
    backend: SMSBackend, twilio: FakeTwilio, status: object, code: object
) -> None:
    body = {"type": "https://e.x", "title": "No.", "status": status, "code": code}
    twilio.answers(Answer(status=502, body=json.dumps(body)))

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.__context__ is None


def test_a_code_that_is_a_text_is_a_code(backend: SMSBackend, twilio: FakeTwilio) -> None:
    twilio.answers(Answer(status=400, body=json.dumps({"code": "21610", "message": "No."})))

    assert failure_of(backend).error_code == "21610"


# Answers without an end


def test_of_a_huge_answer_a_little_is_read(backend: SMSBackend, twilio: FakeTwilio) -> None:
    twilio.answers(Answer(status=201, body=MEGABYTE, times=100))

    error = failure_of(backend)

    assert error.error_code == "EndlessAnswer"
    # What the sockets of both sides hold has been written, and no more.
    assert twilio.written < 20 * len(MEGABYTE)


def test_of_a_small_answer_that_unpacks_to_a_huge_one_a_little_is_read(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    packed = gzip.compress(MEGABYTE * 10)
    twilio.answers(Answer(status=201, body=packed, headers={"Content-Encoding": "gzip"}))

    assert failure_of(backend).error_code == "EndlessAnswer"


def test_a_packed_answer_is_read(backend: SMSBackend, twilio: FakeTwilio) -> None:
    packed = gzip.compress(accepted().chunk)
    twilio.answers(Answer(status=201, body=packed, headers={"Content-Encoding": "gzip"}))

    assert backend.send(make_message()).message_id == MESSAGE_SID


def test_an_answer_of_the_largest_size_is_read(backend: SMSBackend, twilio: FakeTwilio) -> None:
    filler = "x" * (LARGEST_ANSWER - len(accepted(filler="").chunk))
    twilio.answers(accepted(filler=filler))

    assert backend.send(make_message()).message_id == MESSAGE_SID


# TLS


def test_a_certificate_that_nobody_vouches_for_means_not_sent(
    make_backend: MakeBackend,
) -> None:
    with fake_twilio(CERTIFICATE) as twilio:
        error = failure_of(make_backend(**OPTIONS, base_url=twilio.base_url))

        assert twilio.requests == []
    assert type(error) is NotDelivered
    assert error.error_code == "SSLError"


def test_a_certificate_of_another_host_means_not_sent(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with fake_twilio(CERTIFICATE) as twilio:
        base_url = twilio.base_url.replace("127.0.0.1", "localhost")
        error = failure_of(make_backend(**OPTIONS, base_url=base_url))

        assert twilio.requests == []
    assert type(error) is NotDelivered


@pytest.mark.parametrize("breaks_off", ["end", "reset"])
def test_a_line_that_breaks_under_tls_leaves_it_unknown(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch, breaks_off: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with fake_twilio(CERTIFICATE) as twilio:
        backend = make_backend(**OPTIONS, base_url=twilio.base_url)
        assert backend.send(make_message()).message_id == MESSAGE_SID

        twilio.answers(Answer(status=201, body="{", breaks_off=breaks_off))
        error = failure_of(backend)

        assert len(twilio.requests) == 2
    assert type(error) is DeliveryUnknown


def test_a_server_without_tls_is_told_nothing(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    base_url = twilio.base_url.replace("http:", "https:")

    failure_of(make_backend(**OPTIONS, base_url=base_url))

    assert twilio.requests == []
