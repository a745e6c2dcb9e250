"""One time limit for all that sending by Twilio takes: retries, proxies, kept connections."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from socket import socket

import pytest

from django_sms_otp.exceptions import DeliveryUnknown, NotDelivered

from ...support.fake_twilio import (
    MESSAGE_SID,
    Answer,
    FakeTwilio,
    accepted,
    fake_twilio,
    refusal,
)
from ...support.lateness import in_time
from ...support.lines import black_hole, received, serving
from .kit import OPTIONS, MakeBackend, failure_of, make_message

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
TIMEOUT = 1
FOR_THE_GATEWAY = 0.8
TIMED = {**OPTIONS, "timeout": TIMEOUT}
TWILIO = "http://api.twilio.example"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Retries


def test_a_try_after_a_429_has_what_is_left(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(refusal(429, 20429), Answer(delay=30))
    backend = make_backend(**TIMED, base_url=twilio.base_url)

    with in_time(TIMEOUT):
        error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert len(twilio.requests) == 2


def test_a_429_that_comes_late_is_the_last(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    # A try that has hardly any time left would end as one of which nobody knows.
    twilio.answers(refusal(429, 20429, delay=1.0), accepted())
    backend = make_backend(**{**TIMED, "timeout": 2.3}, base_url=twilio.base_url)

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert error.error_code == "20429"
    assert len(twilio.requests) == 1


# Kept connections


def answer(connection: socket) -> None:
    """Take a message, and leave the connection open."""
    received(connection)
    body = accepted().chunk
    head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def test_on_a_kept_connection_each_message_has_its_time(make_backend: MakeBackend) -> None:
    over = threading.Event()

    def serve(connection: socket) -> None:
        answer(connection)
        answer(connection)
        received(connection)
        over.wait(30)

    with serving(serve) as port:
        backend = make_backend(**TIMED, base_url=f"http://127.0.0.1:{port}")
        for _ in range(2):
            assert backend.send(make_message()).message_id == MESSAGE_SID
            time.sleep(FOR_THE_GATEWAY)
        with in_time(TIMEOUT):
            assert type(failure_of(backend)) is DeliveryUnknown
        over.set()


# Proxies


def test_a_message_goes_through_the_proxy_of_the_environment(
    make_backend: MakeBackend, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", twilio.base_url)

    backend = make_backend(**OPTIONS, base_url=TWILIO)

    assert backend.send(make_message()).message_id == MESSAGE_SID
    assert twilio.requests[0].path.startswith(f"{TWILIO}/")


def test_a_proxy_that_nobody_reaches_was_sent_nothing(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        backend = make_backend(**TIMED, base_url=TWILIO.replace("http:", "https:"))
        with in_time(TIMEOUT):
            error = failure_of(backend)

    assert isinstance(error, NotDelivered)


# After a failure


def test_while_a_call_that_has_overrun_goes_on_the_next_message_is_sent(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    backend = make_backend(**TIMED, base_url=twilio.base_url)
    twilio.answers(Answer(body=" ", times=300, pause=0.1), accepted())

    assert type(failure_of(backend)) is DeliveryUnknown
    assert backend.send(make_message()).message_id == MESSAGE_SID


def test_after_an_answer_that_was_cut_short_the_next_message_is_sent(
    make_backend: MakeBackend,
) -> None:
    with fake_twilio() as twilio:
        backend = make_backend(**OPTIONS, base_url=twilio.base_url)
        twilio.answers(Answer(status=201, body=b"x" * 100_000, times=5), accepted())

        assert failure_of(backend).error_code == "EndlessAnswer"
        assert backend.send(make_message()).message_id == MESSAGE_SID
