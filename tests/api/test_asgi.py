"""Over ASGI: bodies that are longer than they say, and many requests at once."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from functools import partial

import pytest
from django.db import connection

from django_sms_otp.api.parsers import LARGEST_BODY
from django_sms_otp.models import OTPCode

from ..conftest import PHONE
from ..support.faults.outage import other_connections
from ..support.server import Answer, Server, at_once

FORM = "application/x-www-form-urlencoded"
TYPES = ["application/json", FORM, "multipart/form-data; boundary=x"]
MANY = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server"), is_asgi=True) as server:
        yield server


@pytest.fixture
def server(served: Server, transactional_db: None) -> Server:
    served.forget_messages()
    return served


def body_of_type(content_type: str, padding: int) -> bytes:
    """Return a good request for a code with a needless field."""
    filler = "x" * padding
    if content_type == FORM:
        return f"phone_number=%2B{PHONE[1:]}&filler={filler}".encode()
    if content_type == "application/json":
        return json.dumps({"phone_number": PHONE, "filler": filler}).encode()
    parts = {"phone_number": PHONE, "filler": filler}
    head = "--x\r\nContent-Disposition: form-data; name="
    text = "".join(f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in parts.items())
    return f"{text}--x--\r\n".encode()


def post_chunked(
    server: Server, content_type: str, body: bytes, *, lines: str = "Content-Length: 10\r\n"
) -> tuple[int, str]:
    """Post a chunked body that may announce a length, and return the status and code."""
    head = (
        "POST /auth/sms/get-code/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: {content_type}\r\n{lines}Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        with line.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            text = answer.read().partition(b"\r\n\r\n")[2]
    return status, json.loads(text).get("code", "")


@pytest.mark.parametrize("content_type", TYPES)
def test_a_body_that_is_longer_than_it_says_is_refused(
    server: Server, content_type: str
) -> None:
    small = body_of_type(content_type, padding=10)
    assert post_chunked(server, content_type, small) == (202, "")
    for size in (LARGEST_BODY, 2 * 1024 * 1024):
        large = body_of_type(content_type, padding=size)
        assert post_chunked(server, content_type, large) == (413, "request_too_large")
    assert OTPCode.objects.count() == 1


@pytest.mark.parametrize("content_type", TYPES)
def test_a_body_that_says_no_length_is_read(server: Server, content_type: str) -> None:
    small = body_of_type(content_type, padding=10)
    assert post_chunked(server, content_type, small, lines="") == (202, "")
    large = body_of_type(content_type, padding=LARGEST_BODY)
    assert post_chunked(server, content_type, large, lines="") == (413, "request_too_large")


@pytest.mark.parametrize("content_type", TYPES)
def test_no_body_and_no_length_is_an_empty_body(server: Server, content_type: str) -> None:
    assert post_chunked(server, content_type, b"", lines="") == (400, "invalid")


def open_connections() -> set[int]:
    return set() if connection.vendor == "sqlite" else {*other_connections()}


def test_many_requests_at_once_are_answered_and_leave_no_connection(server: Server) -> None:
    phones = [f"+1415555{number:04}" for number in range(2671, 2671 + MANY)]
    before = open_connections()

    def log_in(phone: str) -> Answer:
        assert server.post("get-code", phone_number=phone).status == 202
        return server.post("auth-code", phone_number=phone, code=server.code(phone))

    answers = at_once([partial(log_in, phone) for phone in phones])
    assert [answer.status for answer in answers] == [200] * MANY
    deadline = time.monotonic() + 10
    while not open_connections() <= before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
