"""Over ASGI, while the gateway is slow: nobody waits for another one, and nothing stays open.

The gateway answers nobody until the test lets it. So requests that it has at the same time are
under way at the same time, however slow the machine is.
"""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest
from django.db import connection

from django_sms_otp.backends.registry import MOST_IDLE
from django_sms_otp.models import DeliveryState, OTPCode

from ..support.fake_twilio import Answer, FakeTwilio, Request, accepted, serving
from ..support.faults.outage import other_connections
from ..support.server import Server

MANY = 20
NUMBERS = itertools.count(2000)
"""The ends of phone numbers. Each is used once, as a number waits between two messages."""

PATIENCE = 20.0
"""Seconds. The backend waits for the gateway longer than that."""


@dataclass(kw_only=True)
class HeldTwilio(FakeTwilio):
    may_answer: Event = field(default_factory=Event)

    def answer_to(self, request: Request) -> Answer:
        self.may_answer.wait(PATIENCE)
        return self.next_answer()


@pytest.fixture(scope="module")
def running() -> Iterator[HeldTwilio]:
    twilio = HeldTwilio(base_url="", script=[accepted()], keeps_lines=True)
    with serving(twilio):
        yield twilio


@pytest.fixture(scope="module", params=["async", "sync"])
def served(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    running: HeldTwilio,
    request: pytest.FixtureRequest,
) -> Iterator[Server]:
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.asgi_settings",
        "TEST_SERVER_GATEWAY": running.base_url,
    }
    if request.param == "sync":
        # Django then runs what comes after the middleware in a thread, and the loop in another.
        variables["TEST_SERVER_SYNC_MIDDLEWARE"] = "1"
    with Server(
        tmp_path_factory.mktemp("server"),
        is_asgi=True,
        sms_otp={"LIMITS": {"ip": None}},
        variables=variables,
    ) as server:
        yield server


@pytest.fixture
def twilio(running: HeldTwilio) -> HeldTwilio:
    running.requests.clear()
    running.may_answer.clear()
    return running


@pytest.fixture
def server(served: Server, transactional_db: None) -> Server:
    return served


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def open_connections() -> set[int]:
    return set() if connection.vendor == "sqlite" else {*other_connections()}


@contextmanager
def held(server: Server, twilio: HeldTwilio, path: str, count: int) -> Iterator[list[int]]:
    """Have the gateway hold so many requests at once during the block.

    After it, the list has the statuses of the answers.
    """
    statuses: list[int] = []
    twilio.requests.clear()
    twilio.may_answer.clear()
    with ThreadPoolExecutor(count) as pool:
        futures = [
            pool.submit(server.post, path, phone_number=f"+1415555{next(NUMBERS)}")
            for _ in range(count)
        ]
        try:
            until(lambda: len(twilio.requests) == count)
            yield statuses
        finally:
            twilio.may_answer.set()
        statuses += [future.result().status for future in futures]


@pytest.mark.parametrize("path", ["get-code", "own-get-code"])
def test_many_requests_are_under_way_at_once_and_the_loop_is_free(
    server: Server, twilio: HeldTwilio, path: str
) -> None:
    before = open_connections()
    with held(server, twilio, path, MANY) as statuses:
        assert server.post("alive").status == 200
    assert statuses == [202] * MANY
    until(lambda: open_connections() <= before)


def test_connections_to_the_gateway_serve_the_threads_of_later_requests(
    server: Server, twilio: HeldTwilio
) -> None:
    with held(server, twilio, "get-code", MOST_IDLE):
        pass
    lines = twilio.lines
    with held(server, twilio, "own-get-code", MOST_IDLE):
        pass
    assert twilio.lines == lines


def test_callers_who_hang_up_hold_nobody_and_leave_no_connection(
    server: Server, twilio: HeldTwilio
) -> None:
    before = open_connections()
    for count, path in enumerate(["get-code", "own-get-code"] * 3, start=1):
        body = json.dumps({"phone_number": f"+1415555{next(NUMBERS)}"})
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(
                f"POST /auth/sms/{path}/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                f"{body}".encode()
            )
            until(lambda: len(twilio.requests) == count)
    assert server.post("alive").status == 200
    twilio.may_answer.set()
    sent = OTPCode.objects.filter(delivery_state=DeliveryState.SENT)
    until(lambda: sent.count() == 6)
    until(lambda: open_connections() <= before)
