"""Whatever a gateway does, the answer is there when the time-out is over. Over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

import pytest

from django_sms_otp.backends import SMSMessage, get_backend
from django_sms_otp.backends.base import CodeCheck
from django_sms_otp.backends.transport.deadline import (
    Deadline,
    current,
    for_the_gateway,
    within,
)
from django_sms_otp.exceptions import DeliveryError, DeliveryUnknown, NotDelivered
from django_sms_otp.testing import Answer, fake_gateway

from ..conftest import PHONE, Post, body_of
from ..support import fake_aws, fake_verify
from ..support.gateways import make_message, twilio_entry
from ..support.lateness import by_the_clock, in_time
from ..support.lines import black_hole, dripping, lead, silent

pytestmark = by_the_clock

TIMEOUT = 1.0
"""Of which the gateway has 0.8 s: a busy machine has the rest."""

PATIENCE = 2.0
"""The time-out where the app does its own work, too."""

HOST = "localhost"
"""Webhooks may be asked there without TLS."""


def webhook(url: str) -> dict[str, Any]:
    return entry("webhook", url=url, secret="s" * 32)


def aws(url: str) -> dict[str, Any]:
    return entry("aws", endpoint_url=url, region="eu-central-1")


def apprise(url: str) -> dict[str, Any]:
    scheme, _, host = url.partition("://")
    secure = "s" if scheme == "https" else ""
    return entry("apprise", url=f"smseagle{secure}://token@{host}/{{to}}?verify=no")


def entry(kind: str, **options: Any) -> dict[str, Any]:
    path = f"django_sms_otp.backends.{kind}.SMSBackend"
    return {"BACKEND": path, "OPTIONS": {"timeout": TIMEOUT, **options}}


TIMED: Mapping[str, Callable[[str], dict[str, Any]]] = MappingProxyType(
    {
        "twilio": lambda url: twilio_entry(url, timeout=TIMEOUT),
        "twilio_verify": lambda url: fake_verify.backend(url, timeout=TIMEOUT),
        "webhook": webhook,
        "aws": aws,
    }
)
"""Backends that have one deadline for all that they do."""

ALL: Mapping[str, Callable[[str], dict[str, Any]]] = MappingProxyType(
    {**TIMED, "apprise": apprise}
)
each_timed = pytest.mark.parametrize("kind", TIMED)
each = pytest.mark.parametrize("kind", ALL)

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"
"""How a server begins TLS: it announces 16 KB."""

SENT = {
    "headers": lambda: dripping(b"X: ", at_once=OK),
    "interim answers": lambda: dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "body": lambda: dripping(b"{", at_once=OK + b"Content-Length: 500\r\n\r\n"),
    "nothing": silent,
}
NOT_SENT = {"nothing": silent, "drips": lambda: dripping(HELLO)}
Line = Callable[[], AbstractContextManager[int]]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def failure_of(
    settings: Any, config: dict[str, Any], message: SMSMessage | None = None
) -> DeliveryError:
    """Return how sending fails, within the time-out."""
    settings.SMS_OTP_BACKENDS = {"default": config}
    backend = get_backend("default")
    with in_time(TIMEOUT), pytest.raises(DeliveryError) as caught:
        backend.send(message or make_message())
    return caught.value


# The exchange


@each_timed
@pytest.mark.parametrize("line", SENT.values(), ids=SENT)
def test_an_answer_that_does_not_end_is_unknown_in_time(
    settings: Any, kind: str, line: Line
) -> None:
    with line() as port:
        error = failure_of(settings, TIMED[kind](f"http://127.0.0.1:{port}"))

    assert type(error) is DeliveryUnknown


@each_timed
@pytest.mark.parametrize("line", NOT_SENT.values(), ids=NOT_SENT)
def test_tls_that_is_not_agreed_upon_was_sent_nothing_in_time(
    settings: Any, kind: str, line: Line
) -> None:
    with line() as port:
        error = failure_of(settings, TIMED[kind](f"https://127.0.0.1:{port}"))

    assert isinstance(error, NotDelivered)


@each_timed
def test_addresses_that_nobody_answers_at_share_the_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    lead(monkeypatch, HOST, *(f"127.0.0.{last}" for last in range(1, 6)))
    with black_hole("0.0.0.0") as port:
        error = failure_of(settings, TIMED[kind](f"http://{HOST}:{port}"))

    assert isinstance(error, NotDelivered)


@each_timed
def test_an_address_that_nobody_answers_at_leaves_time_for_the_next(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with fake_gateway() as gateway:
        gateway.answers(Answer(status=418))
        port = int(gateway.url.rpartition(":")[2])
        lead(monkeypatch, HOST, "127.0.0.9", "127.0.0.1")
        with black_hole("127.0.0.9", port):
            error = failure_of(settings, TIMED[kind](f"http://{HOST}:{port}"))

        assert len(gateway.requests) == 1
    assert "418" in str(error)


# AWS, should its SDK call its connections another way one day


class Renamed:
    """Has nothing of what a client of boto3's has inside."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._client, name)


def test_without_our_connections_the_sdks_own_time_outs_hold_against_silence(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    make = boto3.session.Session.client
    monkeypatch.setattr(
        boto3.session.Session, "client", lambda *args, **kwargs: Renamed(make(*args, **kwargs))
    )
    with silent() as port:
        error = failure_of(settings, aws(f"http://127.0.0.1:{port}"))
    assert type(error) is DeliveryUnknown

    with black_hole() as port:
        error = failure_of(settings, aws(f"http://127.0.0.1:{port}"))
    assert type(error) is NotDelivered


# Apprise, whose plugins connect by themselves


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_service_of_apprises_is_unknown_in_time(settings: Any, scheme: str) -> None:
    with silent() as port:
        error = failure_of(settings, apprise(f"{scheme}://127.0.0.1:{port}"))

    assert type(error) is DeliveryUnknown


def test_a_service_of_apprises_that_nobody_reaches_was_sent_nothing_in_time(
    settings: Any,
) -> None:
    with black_hole() as port:
        error = failure_of(settings, apprise(f"http://127.0.0.1:{port}"))

    assert isinstance(error, NotDelivered)


# get-code


@each
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_get_code_answers_within_the_time_out(
    get_code: Post, settings: Any, kind: str, scheme: str
) -> None:
    with silent() as port:
        config = ALL[kind](f"{scheme}://127.0.0.1:{port}")
        config["OPTIONS"]["timeout"] = PATIENCE
        settings.SMS_OTP_BACKENDS = {"default": config}
        # What a process reads and imports for its first request is no part of it.
        get_backend("default")
        assert get_code(phone_number="+1").status_code == 400
        with in_time(PATIENCE):
            answer = get_code()

    assert answer.status_code == 503
    assert body_of(answer)["code"] == "delivery_failed"


@pytest.mark.django_db
def test_a_guess_is_answered_within_the_time_out(settings: Any) -> None:
    with silent() as port:
        config = fake_verify.backend(f"http://127.0.0.1:{port}", timeout=TIMEOUT)
        settings.SMS_OTP_BACKENDS = {"default": config}
        message = make_message()
        check = CodeCheck(
            to=PHONE,
            typed="123456",
            purpose="login",
            request_id=message.request_id,
            message_id="VE" + "1" * 32,
        )
        backend = get_backend("default")
        with in_time(TIMEOUT), pytest.raises(DeliveryUnknown):
            backend.check_code(check)


# The deadline itself


@pytest.mark.parametrize(
    ("timeout", "theirs"), [(0.5, 0.4), (1, 0.8), (2.5, 2), (10, 9.5), (60, 59.5)]
)
def test_the_app_keeps_a_fifth_but_half_a_second_at_most(timeout: float, theirs: float) -> None:
    assert for_the_gateway(timeout) == pytest.approx(theirs)
    assert theirs - 0.1 < Deadline(timeout).left() <= theirs


def test_of_two_blocks_the_outer_one_counts() -> None:
    with within(5) as outer:
        with within(60) as inner:
            assert inner is outer is current()
        assert current() is outer
    assert current() is not outer


def test_a_deadline_that_has_passed_leaves_nothing() -> None:
    deadline = Deadline(0.001)
    time.sleep(0.002)
    with pytest.raises(TimeoutError):
        deadline.left()
