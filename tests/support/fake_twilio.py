"""Twilio on this machine: records requests, answers by script."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

__all__ = [
    "Answer",
    "FakeTwilio",
    "Request",
    "accepted",
    "fake_twilio",
    "problem",
    "refusal",
    "serving",
]

MESSAGE_SID = "SM" + "a" * 32
CALL_SID = "CA" + "b" * 32


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def credentials(self) -> tuple[str, str]:
        scheme, _, encoded = self.headers["authorization"].partition(" ")
        assert scheme == "Basic"
        username, _, password = base64.b64decode(encoded).decode().partition(":")
        return username, password


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to answer with.

    :param body: repeated ``times`` times, with ``pause`` seconds in between.
    :param hangs_up: no answer at all.
    :param breaks_off: ``"end"`` or ``"reset"``: how the line goes, in the middle of the body.
    """

    status: int = 201
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    times: int = 1
    pause: float = 0
    hangs_up: bool = False
    breaks_off: str = ""

    @property
    def chunk(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass(kw_only=True)
class FakeTwilio:
    """What the gateway does and has seen.

    :param keeps_lines: whether a connection serves more than one request.
    :param lines: the number of connections that were opened.
    """

    base_url: str
    script: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    written: int = 0
    keeps_lines: bool = False
    lines: int = 0

    def answers(self, *script: Answer) -> None:
        """Give these answers one after the other, and the last one from then on."""
        self.script = list(script)

    def answer_to(self, request: Request) -> Answer:
        """What a fake of another resource replaces."""
        return self.next_answer()

    def next_answer(self) -> Answer:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


Fake = TypeVar("Fake", bound=FakeTwilio)


def accepted(*, delay: float = 0, **fields: object) -> Answer:
    body = {"sid": MESSAGE_SID, "status": "queued", "error_code": None, **fields}
    return Answer(status=201, body=json.dumps(body), delay=delay)


def refusal(status: int, code: int | None, message: str = "No.", *, delay: float = 0) -> Answer:
    """Answer in the older shape, which api.twilio.com has."""
    body: dict[str, object] = {"message": message, "status": status, "more_info": "https://e.x"}
    if code is not None:
        body["code"] = code
    return Answer(status=status, body=json.dumps(body), delay=delay)


def problem(status: int, code: int, detail: str = "No.") -> Answer:
    """Answer by RFC 9457, as newer services of Twilio's do."""
    body = {
        "type": f"https://www.twilio.com/docs/api/errors/{code}",
        "title": "Refused",
        "status": status,
        "code": code,
        "detail": detail,
    }
    headers = {"Content-Type": "application/problem+json"}
    return Answer(status=status, body=json.dumps(body), headers=headers)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.twilio.lines += 1
        if self.server.twilio.keeps_lines:
            self.protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = self.recorded()
        self.server.twilio.requests.append(request)
        answer = self.server.twilio.answer_to(request)
        if self.server.closing.wait(answer.delay) or answer.hangs_up:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        missing = 1000 if answer.breaks_off else 0
        self.send_header("Content-Length", str(len(answer.chunk) * answer.times + missing))
        self.end_headers()
        self.write_body(answer)

    # A followed redirect may have become a GET: it is to be seen, not refused by 501.
    do_GET = do_POST  # noqa: N815

    def write_body(self, answer: Answer) -> None:
        for _ in range(answer.times):
            self.wfile.write(answer.chunk)
            self.server.twilio.written += len(answer.chunk)
            self.server.closing.wait(answer.pause)
        if answer.breaks_off == "reset":
            # Closed without lingering: the client gets a RST.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        self.close_connection = self.close_connection or bool(answer.breaks_off)

    def recorded(self) -> Request:
        length = int(self.headers.get("Content-Length") or 0)
        form = parse_qs(self.rfile.read(length).decode(), strict_parsing=length > 0)
        assert all(len(values) == 1 for values in form.values())
        return Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            form={name: values[0] for name, values in form.items()},
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the tests look at what was recorded."""


class Server(ThreadingHTTPServer):
    # Threads still busy with a slow answer must not outlive the test.
    daemon_threads = False
    block_on_close = True

    def __init__(self, twilio: FakeTwilio, certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        twilio.base_url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        self.twilio = twilio
        self.closing = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has given up waiting is a part of the tests.
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


@contextmanager
def fake_twilio(certificate: Path | None = None) -> Iterator[FakeTwilio]:
    """Serve, over TLS if there is a certificate: a file that has its key, too."""
    with serving(FakeTwilio(base_url="", script=[accepted()]), certificate) as twilio:
        yield twilio


@contextmanager
def serving(twilio: Fake, certificate: Path | None = None) -> Iterator[Fake]:
    server = Server(twilio, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield twilio
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
