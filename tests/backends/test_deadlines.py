"""Whatever a gateway does, the site answers within the time-out. Over real sockets."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import pytest
from django.db import connections

from django_sms_otp.backends import BaseSMSBackend, SMSMessage, get_backend
from django_sms_otp.backends.base import CodeCheck
from django_sms_otp.backends.transport import deadline
from django_sms_otp.backends.transport.deadline import (
    socket_timeouts,
    time_for_gateway,
    time_left,
    within,
)
from django_sms_otp.exceptions import DeliveryError, DeliveryUnknown, NotDelivered
from django_sms_otp.testing import Answer, fake_gateway

from ..conftest import PHONE, Post, body_of
from ..support import fake_aws, fake_verify
from ..support.gateways import make_message, twilio_entry
from ..support.lateness import in_time
from ..support.lines import black_hole, dripping, lead, silent

TIMEOUT = 0.2

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


ALL: Mapping[str, Callable[[str], dict[str, Any]]] = MappingProxyType(
    {
        "twilio": lambda url: twilio_entry(url, timeout=TIMEOUT),
        "twilio_verify": lambda url: fake_verify.backend(url, timeout=TIMEOUT),
        "webhook": webhook,
        "aws": aws,
        "apprise": apprise,
    }
)
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
HANDSHAKES = {"nothing": silent, "drips": lambda: dripping(HELLO)}
Line = Callable[[], AbstractContextManager[int]]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what a busy machine is to do within the time-out."""
    monkeypatch.setattr(f"{__name__}.TIMEOUT", 1)


@pytest.fixture
def calls_end() -> Iterator[None]:
    """Wait for calls that have overrun: the gateway is gone by now.

    Python's ssl leaves a socket open whose other end goes away before TLS begins.
    """
    yield
    for thread in threading.enumerate():
        if thread.name == "sms-otp":
            thread.join(10)
    gc.collect()


beyond_its_server = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")


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


@each
@pytest.mark.parametrize("line", SENT.values(), ids=SENT)
def test_an_answer_that_does_not_end_is_unknown_in_time(
    settings: Any, kind: str, line: Line
) -> None:
    with line() as port:
        error = failure_of(settings, ALL[kind](f"http://127.0.0.1:{port}"))

    assert type(error) is DeliveryUnknown


@each
@beyond_its_server
@pytest.mark.usefixtures("calls_end")
@pytest.mark.parametrize("line", HANDSHAKES.values(), ids=HANDSHAKES)
def test_tls_that_is_not_agreed_upon_is_an_error_in_time(
    settings: Any, kind: str, line: Line
) -> None:
    with line() as port:
        failure_of(settings, ALL[kind](f"https://127.0.0.1:{port}"))


@beyond_its_server
@pytest.mark.usefixtures("more_time", "calls_end")
def test_tls_that_is_met_with_silence_was_sent_nothing_where_the_app_connects(
    settings: Any,
) -> None:
    with silent() as port:
        error = failure_of(settings, webhook(f"https://127.0.0.1:{port}"))

    assert isinstance(error, NotDelivered)


@each
@pytest.mark.usefixtures("more_time")
def test_three_addresses_that_nobody_answers_at_were_sent_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    lead(monkeypatch, HOST, *(f"127.0.0.{last}" for last in range(1, 4)))
    with black_hole("0.0.0.0") as port:
        error = failure_of(settings, ALL[kind](f"http://{HOST}:{port}"))

    assert isinstance(error, NotDelivered)


@each
def test_many_addresses_that_nobody_answers_at_are_unknown_in_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    lead(monkeypatch, HOST, *(f"127.0.0.{last}" for last in range(1, 9)))
    with black_hole("0.0.0.0") as port:
        error = failure_of(settings, ALL[kind](f"http://{HOST}:{port}"))

    assert type(error) is DeliveryUnknown


@each
def test_a_look_up_of_the_host_that_hangs_is_unknown_in_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    over = threading.Event()

    def hang(*_args: Any, **_kwargs: Any) -> Any:
        over.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert type(failure_of(settings, ALL[kind](f"http://{HOST}:9"))) is DeliveryUnknown
    over.set()


@each
@pytest.mark.usefixtures("more_time")
def test_an_address_that_nobody_answers_at_leaves_time_for_the_next(
    settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with fake_gateway() as gateway:
        gateway.answers(Answer(status=418))
        port = int(gateway.url.rpartition(":")[2])
        lead(monkeypatch, HOST, "127.0.0.9", "127.0.0.1")
        with black_hole("127.0.0.9", port):
            failure_of(settings, ALL[kind](f"http://{HOST}:{port}"))

        assert len(gateway.requests) == 1


# get-code


@each
@beyond_its_server
@pytest.mark.usefixtures("calls_end")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_get_code_answers_within_the_time_out(
    get_code: Post, settings: Any, kind: str, scheme: str
) -> None:
    with silent() as port:
        settings.SMS_OTP_BACKENDS = {"default": ALL[kind](f"{scheme}://127.0.0.1:{port}")}
        # What a process reads and imports for its first request is no part of it.
        get_backend("default")
        assert get_code(phone_number="+1").status_code == 400
        with in_time(TIMEOUT):
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


# The time limit itself


def test_an_answer_comes_within_the_whole_time_out(settings: Any) -> None:
    """By the clock, at a real figure. One of three tries has to do: the machine may be busy."""
    with silent() as port:
        config = webhook(f"http://127.0.0.1:{port}")
        config["OPTIONS"]["timeout"] = 1.0
        settings.SMS_OTP_BACKENDS = {"default": config}
        assert any(seconds_to_fail(get_backend("default")) <= 1.0 for _ in range(3))


def seconds_to_fail(backend: BaseSMSBackend) -> float:
    started = time.monotonic()
    with pytest.raises(DeliveryUnknown):
        backend.send(make_message())
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("timeout", "theirs"), [(0.5, 0.4), (1, 0.8), (2.5, 2), (10, 9.5), (60, 59.5)]
)
def test_the_app_keeps_a_fifth_but_half_a_second_at_most(timeout: float, theirs: float) -> None:
    assert time_for_gateway(timeout) == pytest.approx(theirs)
    assert socket_timeouts(timeout) == pytest.approx((theirs / 4, theirs))
    left = within(timeout, time_left, gateway="x")
    assert theirs - 0.1 < left <= theirs


def test_a_call_inside_of_another_one_has_what_that_one_has_left() -> None:
    def inner() -> tuple[int, float]:
        return threading.get_ident(), time_left()

    def outer() -> tuple[int, tuple[int, float]]:
        return threading.get_ident(), within(60, inner, gateway="x")

    thread, (same_thread, left) = within(5, outer, gateway="x")

    assert thread == same_thread != threading.get_ident()
    assert left <= 4.5


def test_an_error_in_the_call_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0, gateway="x")


def test_a_call_has_the_context_of_its_caller() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("the caller's")
    assert within(5, variable.get, gateway="x") == "the caller's"


def hang_on(event: threading.Event) -> None:
    """Overrun, and go on until the event."""
    with pytest.raises(DeliveryUnknown) as caught:
        within(0.01, lambda: event.wait(30), gateway="few")
    assert caught.value.error_code == "timeout"


def test_calls_that_have_overrun_are_bounded_for_each_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadline, "MOST_CALLS", 2)
    begun: list[str] = []
    event = threading.Event()
    for _ in range(2):
        hang_on(event)

    with pytest.raises(NotDelivered) as caught:
        within(5, lambda: begun.append("x"), gateway="few")
    within(5, lambda: begun.append("y"), gateway="y")

    assert caught.value.error_code == "full"
    assert begun == ["y"]
    event.set()
    until = time.monotonic() + 5
    while not begun.count("x"):
        assert time.monotonic() < until
        with suppress(NotDelivered):
            within(5, lambda: begun.append("x"), gateway="few")


def test_a_thread_that_cannot_be_started_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(deadline, "MOST_CALLS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(NotDelivered):
            within(5, lambda: 1, gateway="no-thread")
    assert within(5, lambda: 1, gateway="no-thread") == 1


@pytest.mark.django_db(transaction=True)
def test_a_call_leaves_no_connection_to_the_database_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[object] = []
    closed: list[object] = []
    wrapper = type(connections["default"])
    close = wrapper.close

    def note(connection: Any) -> None:
        closed.append(connection)
        close(connection)

    def use() -> None:
        used.append(connections["default"])
        connections["default"].ensure_connection()

    monkeypatch.setattr(wrapper, "close", note)
    within(5, use, gateway="x")

    assert used[0] is not connections["default"]
    assert closed == used


ENDS = """
import time
from django.conf import settings
settings.configure()
from django_sms_otp.backends.transport import within
from django_sms_otp.exceptions import DeliveryUnknown
try:
    within(0.1, lambda: time.sleep(60), gateway="x")
except DeliveryUnknown:
    print("over")
"""


def test_a_call_that_has_overrun_does_not_keep_a_process_from_ending() -> None:
    command = [sys.executable, "-c", ENDS]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)

    assert result.stdout == "over\n"


FORKS = """
import os, threading
from django.conf import settings
settings.configure()
from django_sms_otp.backends.transport import deadline, within
from django_sms_otp.exceptions import DeliveryUnknown
deadline.MOST_CALLS = 1
event = threading.Event()
try:
    within(0.1, event.wait, gateway="x")
except DeliveryUnknown:
    pass
child = os.fork()
if not child:
    print(within(5, lambda: "sent", gateway="x"), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_fork_does_not_inherit_the_calls_of_its_parent() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)

    assert result.stdout == "sent\n"
