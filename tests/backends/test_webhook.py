"""The webhook: signed requests over real sockets, and what its answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from django_sms_otp.backends import SMSMessage, get_backend
from django_sms_otp.backends.webhook import SMSBackend
from django_sms_otp.exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import Answer, FakeGateway, fake_gateway

from ..conftest import Post
from ..support import gateways
from ..support.fake_apprise import self_signed
from ..support.lines import serving

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NEW, OLD = "new-" + "n" * 32, "old-" + "o" * 32
REQUEST_ID = uuid.UUID(int=7)
URL = "https://sms.example.com/send"


OPTED_OUT = "recipient_opted_out"


def make_message(**fields: Any) -> SMSMessage:
    body = "Ваш код 482913\n@example.com #482913"
    return gateways.make_message(**{"body": body, "language": "ru", "send_count": 2, **fields})


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with fake_gateway() as running:
        yield running


@pytest.fixture
def backend(gateway: FakeGateway) -> SMSBackend:
    return make_backend(gateway.url)


def make_backend(url: str, **options: Any) -> SMSBackend:
    return SMSBackend(alias="default", url=url, **{"secret": NEW, "timeout": 5, **options})


def failure_of(backend: SMSBackend) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        backend.send(make_message())
    return caught.value


# What is sent


def test_a_message_is_posted_as_json(backend: SMSBackend, gateway: FakeGateway) -> None:
    backend.send(make_message())

    [request] = gateway.requests
    assert (request.method, request.path) == ("POST", "/")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "to": "+14155552671",
        "body": "Ваш код 482913\n@example.com #482913",
        "code": "482913",
        "purpose": "login",
        "request_id": str(REQUEST_ID),
        "send_count": 2,
        "valid_for": 600,
        "channel": "sms",
        "language": "ru",
        "region": "US",
    }


def test_path_and_query_of_the_url_are_kept(gateway: FakeGateway) -> None:
    make_backend(f"{gateway.url}/v1/send?team=a&b=%20").send(make_message())

    assert gateway.requests[0].path == "/v1/send?team=a&b=%20"
    assert gateway.requests[0].headers["host"] == gateway.url.removeprefix("http://")


def test_the_key_names_the_message_of_the_request(
    backend: SMSBackend, gateway: FakeGateway
) -> None:
    backend.send(make_message(send_count=1))
    backend.send(make_message(send_count=2))

    keys = [request.headers["idempotency-key"] for request in gateway.requests]
    assert keys == [f"{REQUEST_ID}-1", f"{REQUEST_ID}-2"]


def test_further_headers_are_sent(gateway: FakeGateway) -> None:
    make_backend(gateway.url, headers={"Authorization": "Bearer x"}).send(make_message())

    assert gateway.requests[0].headers["authorization"] == "Bearer x"


@time_machine.travel(NOON, tick=False)
def test_time_and_body_are_signed(backend: SMSBackend, gateway: FakeGateway) -> None:
    backend.send(make_message())

    [request] = gateway.requests
    timestamp = int(NOON.timestamp())
    digest = hmac.new(NEW.encode(), b"%d.%b" % (timestamp, request.body), hashlib.sha256)
    assert request.headers["sms-otp-signature"] == f"t={timestamp},v1={digest.hexdigest()}"


@time_machine.travel(NOON, tick=False)
def test_each_secret_signs_while_keys_are_changed(gateway: FakeGateway) -> None:
    make_backend(gateway.url, secret=[NEW, OLD]).send(make_message())
    both = gateway.requests[-1].headers["sms-otp-signature"].split(",")[1:]
    single = []
    for secret in (NEW, OLD):
        make_backend(gateway.url, secret=secret).send(make_message())
        single.append(gateway.requests[-1].headers["sms-otp-signature"].split(",")[1])

    assert both == single
    assert both[0] != both[1]


def test_a_message_that_is_late_has_no_time_left(
    backend: SMSBackend, gateway: FakeGateway
) -> None:
    backend.send(make_message(valid_for=timedelta(seconds=-3)))

    assert json.loads(gateway.requests[0].body)["valid_for"] == 0


# What the answers mean


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_without_a_body_is_a_success(
    backend: SMSBackend, gateway: FakeGateway, status: int
) -> None:
    gateway.answers(Answer(status=status))

    assert backend.send(make_message()).message_id == ""


@pytest.mark.parametrize(
    ("body", "message_id"), [({"message_id": "m1"}, "m1"), ({}, ""), ({"queued": True}, "")]
)
def test_a_success_may_name_the_message(
    backend: SMSBackend, gateway: FakeGateway, body: object, message_id: str
) -> None:
    gateway.answers(Answer(body=body))

    assert backend.send(make_message()).message_id == message_id


def test_an_answer_in_chunks_is_read(backend: SMSBackend, gateway: FakeGateway) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    gateway.answers(Answer(raw=raw + b'12\r\n{"message_id":"m"}\r\n0\r\n\r\n'))

    assert backend.send(make_message()).message_id == "m"


@pytest.mark.parametrize(
    "body",
    [b"OK", b"[]", b"null", b'{"message_id": 7}', b'{"message_id": null}', b"[" * 60_000],
)
def test_after_a_success_that_cannot_be_read_nobody_knows(
    backend: SMSBackend, gateway: FakeGateway, body: bytes
) -> None:
    gateway.answers(Answer(body=body))

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == "unreadable"


def test_after_half_an_answer_nobody_knows(backend: SMSBackend, gateway: FakeGateway) -> None:
    gateway.answers(Answer(body={"message_id": "m1"}, headers={"Content-Length": "99"}))

    assert type(failure_of(backend)) is DeliveryUnknown


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_over_64_kb_is_not_read(
    backend: SMSBackend, gateway: FakeGateway, announced: bool
) -> None:
    # The first 64 KB of it alone would be a success.
    length = b"Content-Length: 99999999999\r\n" if announced else b""
    head = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n"
    gateway.answers(Answer(raw=head + b'{"message_id": "m1"}' + b" " * 64 * 1024))

    assert type(failure_of(backend)) is DeliveryUnknown


@pytest.mark.parametrize(
    "word",
    [
        "invalid_phone_number",
        "phone_number_not_sms_capable",
        "region_not_supported",
        "recipient_opted_out",
    ],
)
def test_a_422_with_one_of_our_words_is_about_the_number(
    backend: SMSBackend, gateway: FakeGateway, word: str
) -> None:
    gateway.answers(Answer(status=422, body={"code": word}))

    error = failure_of(backend)

    assert isinstance(error, DeliveryRefused)
    assert error.code == word


@pytest.mark.parametrize(
    "body", [{"code": "cooldown"}, {"code": ["a"]}, {"code": None}, [], b""]
)
def test_a_422_with_any_other_word_is_not(
    backend: SMSBackend, gateway: FakeGateway, body: object
) -> None:
    gateway.answers(Answer(status=422, body=body))

    assert type(failure_of(backend)) is NotDelivered


@pytest.mark.parametrize(
    ("status", "needs_attention"),
    [(400, False), (401, True), (402, True), (403, True), (404, True), (418, False)],
)
def test_a_4xx_was_not_sent(
    backend: SMSBackend, gateway: FakeGateway, status: int, needs_attention: bool
) -> None:
    gateway.answers(Answer(status=status, body=b"<html>No</html>"))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert (error.error_code, error.needs_attention) == (str(status), needs_attention)


def test_a_4xx_counts_though_its_body_is_cut_off(
    backend: SMSBackend, gateway: FakeGateway
) -> None:
    gateway.answers(Answer(raw=b"HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n<html>"))

    assert type(failure_of(backend)) is NotDelivered


def test_a_key_that_the_service_knows_is_told(
    backend: SMSBackend, gateway: FakeGateway
) -> None:
    gateway.answers(Answer(status=409))
    assert str(failure_of(backend)) == "The service knows this message already (409)."


@pytest.mark.parametrize("status", [301, 307, 409, 500, 503])
def test_after_these_nobody_knows(
    backend: SMSBackend, gateway: FakeGateway, status: int
) -> None:
    gateway.answers(Answer(status=status, headers={"Retry-After": "9"}))

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == str(status)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("86400", 3600),
        ("Fri, 01 May 2026 12:01:30 GMT", 90),
        ("Fri, 01 May 2020 12:01:30 GMT", 1),
        ("-5", 30),
        ("soon", 30),
        ("Fri, 01 May 2026 12:01:30", 30),
        ("9" * 400, 30),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_429_says_when_to_come_back(
    backend: SMSBackend, gateway: FakeGateway, value: str, seconds: int
) -> None:
    gateway.answers(Answer(status=429, headers={"Retry-After": value}))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert error.retry_after == timedelta(seconds=seconds)
    assert not error.needs_attention


# Connections


def test_a_port_that_nobody_listens_on_was_sent_nothing() -> None:
    with fake_gateway() as gone:
        url = gone.url

    error = failure_of(make_backend(url))

    assert isinstance(error, NotDelivered)
    assert error.error_code == "ConnectionRefusedError"


def test_a_host_that_does_not_exist_was_sent_nothing() -> None:
    error = failure_of(make_backend("https://sms.invalid/"))

    assert isinstance(error, NotDelivered)
    assert error.error_code == "gaierror"


def test_a_server_without_tls_was_sent_nothing(gateway: FakeGateway) -> None:
    url = gateway.url.replace("http://", "https://")

    assert type(failure_of(make_backend(url))) is NotDelivered
    assert not gateway.requests


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_of_somebody_elses_stops_it(tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    received: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            received.append(secured.recv(65536))

    with serving(answer) as port:
        error = failure_of(make_backend(f"https://localhost:{port}"))

    assert isinstance(error, NotDelivered)
    assert error.error_code == "SSLCertVerificationError"
    assert not any(received)


def test_no_connection_is_left_open(backend: SMSBackend, gateway: FakeGateway) -> None:
    # An open socket that is collected is a ResourceWarning, and so an error here.
    for answer in (Answer(), Answer(status=500), Answer(raw=b"")):
        gateway.answers(answer)
        try:
            backend.send(make_message())
        except DeliveryError:
            assert gateway.requests


# Options


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]:8/"])
def test_this_machine_may_be_asked_without_tls(url: str) -> None:
    assert make_backend(url)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"url": ""}, "'url'"),
        ({"url": None}, "'url'"),
        ({"url": "http://sms.example.com/"}, "https://"),
        ({"url": "http://127.0.0.1.example.com/"}, "https://"),
        ({"url": "ftp://sms.example.com/"}, "https://"),
        ({"url": "https://"}, "'url'"),
        ({"url": "https://sms.example.com:99999/"}, "no URL"),
        ({"url": "https://[::1/"}, "no URL"),
        ({"url": "https://sms.example.com/a b"}, "ASCII"),
        ({"url": "https://sms.example.com/\r\nX: y"}, "ASCII"),
        ({"url": "https://user:pw@sms.example.com/"}, "'headers'"),
        ({"url": "https://sms.example.com/#a"}, "fragment"),
        ({"secret": ""}, "32 characters"),
        ({"secret": []}, "'secret' is missing"),
        ({"secret": [NEW, "short"]}, "32 characters"),
        ({"secret": [NEW, None]}, "32 characters"),
        ({"timeout": 0}, "'timeout'"),
        ({"timeout": "5"}, "'timeout'"),
        ({"headers": {"Idempotency-Key": "x"}}, "must not set 'Idempotency-Key'"),
        ({"headers": {"content-TYPE": "x"}}, "must not set"),
        ({"headers": {"X-A": "b\r\nX-C: d"}}, "'X-A': it is no header line"),
        ({"headers": {"X A": "b"}}, "'X A': it is no header line"),
        ({"channels": []}, "'channels'"),
        ({"channels": "sms"}, "'channels'"),
        ({"channels": ["fax"]}, "'channels'"),
        ({"tiemout": 5}, "Did you mean 'timeout'"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_its_name(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidBackend, match=text) as caught:
        make_backend(**{"url": URL, **options})

    assert "pw" not in str(caught.value)
    assert NEW not in str(caught.value)


def test_its_channels_are_those_of_the_service() -> None:
    assert make_backend(URL).channels == {"sms"}
    assert make_backend(URL, channels=["voice", "sms"]).channels == {"sms", "voice"}


# In a site


@pytest.fixture
def in_settings(settings: Any, gateway: FakeGateway) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {
            "BACKEND": "django_sms_otp.backends.webhook.SMSBackend",
            "OPTIONS": {"url": gateway.url, "secret": NEW},
        }
    }


def test_it_is_found_by_its_module(in_settings: None, gateway: FakeGateway) -> None:
    get_backend().send(make_message())

    assert len(gateway.requests) == 1


def test_who_gets_the_code_from_it_logs_in(
    in_settings: None, gateway: FakeGateway, get_code: Post, auth_code: Post
) -> None:
    gateway.answers(Answer(body={"message_id": "m1"}))

    request_id = get_code().json()["request_id"]
    sent = json.loads(gateway.requests[0].body)

    assert sent["request_id"] == request_id
    assert OTPCode.objects.get().message_id == "m1"
    assert auth_code(request_id=request_id, code=sent["code"]).status_code == 200


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            Answer(status=422, body={"code": "recipient_opted_out"}),
            (409, "recipient_opted_out"),
        ),
        (Answer(status=401), (503, "delivery_failed")),
        (Answer(status=500), (503, "delivery_failed")),
    ],
    ids=["refused", "not sent", "unknown"],
)
def test_the_api_answers_what_it_came_to(
    in_settings: None,
    gateway: FakeGateway,
    get_code: Post,
    answer: Answer,
    expected: tuple[int, str],
) -> None:
    gateway.answers(answer)

    got = get_code()

    assert (got.status_code, got.json()["code"]) == expected
    assert ("request_id" in got.json()) is (answer.status == 500)
