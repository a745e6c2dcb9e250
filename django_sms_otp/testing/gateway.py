"""A gateway on this machine: records requests, answers by script, and breaks on demand."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "FakeGateway", "Request", "fake_gateway"]

# Closes without waiting for sent bytes: the peer gets a reset.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the gateway. ``headers`` have names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the gateway.

    :param body: anything but ``bytes`` is sent as JSON.
    :param delay: seconds to wait before the answer.
    :param raw: these bytes in place of an answer of HTTP; empty: the connection is closed.
    :param resets: no answer; the connection is reset.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    raw: bytes | None = None
    resets: bool = False

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        is_raw = isinstance(self.body, bytes)
        return self.body if is_raw else json.dumps(self.body).encode()


@dataclass(kw_only=True)
class FakeGateway:
    """A server on the loopback interface.

    :param url: such as ``http://127.0.0.1:49152``.
    :param requests: the requests, oldest first.
    """

    url: str
    script: list[Answer] = field(default_factory=lambda: [Answer()])
    requests: list[Request] = field(default_factory=list)

    def answers(self, *script: Answer) -> None:
        """Give these answers one after the other, and the last one from then on."""
        self.script = list(script)


@contextmanager
def fake_gateway() -> Iterator[FakeGateway]:
    """Run a gateway for the block. It is gone afterwards: its URL refuses connections."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.gateway = FakeGateway(url=f"http://127.0.0.1:{server.server_port}")
    server.stopped = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.gateway
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    # A thread in the middle of a slow answer must not outlive the test.
    daemon_threads = False
    gateway: FakeGateway
    stopped: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Some tests let the client give up waiting.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        gateway = self.server.gateway
        gateway.requests.append(self._recorded())
        answer = gateway.script.pop(0) if len(gateway.script) > 1 else gateway.script[0]
        # One request a connection: a slow one keeps no other from its answer.
        self.close_connection = True
        if self.server.stopped.wait(answer.delay):
            return
        if answer.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif answer.raw is not None:
            self.wfile.write(answer.raw)
        else:
            self._give(answer)

    # GET: for gateways that take one, and to notice a redirect that was followed.
    do_GET = do_PUT = do_POST  # noqa: N815

    def _recorded(self) -> Request:
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )

    def _give(self, answer: Answer) -> None:
        body = answer.content
        self.send_response(answer.status)
        kind = "text/plain" if answer.body is body else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the tests look at the recorded requests."""
