"""One HTTP request with a deadline for the whole of it, by the standard library.

A connection serves one request. A kept one may have been closed by the other side meanwhile.
That shows only after the message was written, when nobody knows whether it was read.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.views.decorators.debug import sensitive_variables

from ..exceptions import DeliveryUnknown, NotDelivered

__all__ = ["Answer", "post"]

LONGEST_ANSWER = 64 * 1024
"""Bytes of a body that are read; an answer that is longer is not one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, header lines by their name in lower case, and the body; ``None`` where it was
    too long, too slow or cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)


@sensitive_variables("body", "headers")
def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
    """Post ``body``. Redirects are not followed, and proxies not used.

    :param url: ``https://``; or ``http://``, which is good for this machine only.
    :param timeout: seconds for all of it, but for the look-up of the host's name, which has
        the time-outs of the system's resolver.
    :raises NotDelivered: not connected, so nothing was sent.
    :raises DeliveryUnknown: connected, and then no answer came in time.
    """
    deadline = _Deadline(timeout)
    parts = urlsplit(url)
    connection = _connect(parts, deadline)
    failure = ""
    try:
        return _exchange(connection, parts, body, headers, deadline)
    except (OSError, HTTPException, ValueError) as error:
        failure = type(error).__name__
    finally:
        connection.close()
    # Raised out here: the errors of http.client hold what was received.
    raise DeliveryUnknown(f"The gateway did not answer ({failure}).", error_code=failure)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left.

        :raises TimeoutError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline has passed.")
        return left


class _Incoming(io.RawIOBase):
    """What a socket receives until a deadline.

    A time-out of the socket's own starts anew with each byte: a server that drips them would
    hold a worker for as long as it likes.
    """

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Be to ``HTTPResponse`` what a socket is."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


def _connect(url: SplitResult, deadline: _Deadline) -> socket.socket:
    port = url.port or (443 if url.scheme == "https" else 80)
    failure = "no address"
    try:
        for *kind, _, address in socket.getaddrinfo(
            url.hostname, port, type=socket.SOCK_STREAM
        ):
            try:
                return _connected(socket.socket(*kind), address, url, deadline)
            except OSError as error:
                failure = type(error).__name__
    except (OSError, UnicodeError) as error:
        failure = type(error).__name__
    raise NotDelivered(f"The gateway cannot be reached ({failure}).", error_code=failure)


def _connected(
    connection: socket.socket, address: Any, url: SplitResult, deadline: _Deadline
) -> socket.socket:
    try:
        connection.settimeout(deadline.left())
        connection.connect(address)
        return _secured(connection, url, deadline)
    except BaseException:
        connection.close()
        raise


def _secured(connection: socket.socket, url: SplitResult, deadline: _Deadline) -> socket.socket:
    if url.scheme != "https":
        return connection
    connection.settimeout(deadline.left())
    return _tls().wrap_socket(connection, server_hostname=url.hostname)


@cache
def _tls() -> ssl.SSLContext:
    # The system's authorities are read once: that takes some 20 ms.
    return ssl.create_default_context()


def _exchange(
    connection: socket.socket,
    url: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> Answer:
    client = HTTPConnection(url.netloc)
    client.sock = connection
    connection.settimeout(deadline.left())
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    client.request("POST", target, body, {**headers, "Connection": "close"})
    incoming = _Incoming(connection, deadline)
    response = HTTPResponse(incoming, method="POST")  # type: ignore[arg-type]
    with response:
        response.begin()
        lines = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=lines, body=_body(response))


def _body(response: HTTPResponse) -> bytes | None:
    try:
        received = response.read(LONGEST_ANSWER + 1)
    except (OSError, HTTPException):
        return None
    # What is left of the length that was announced never came.
    is_whole = len(received) <= LONGEST_ANSWER and not response.length
    return received if is_whole else None
