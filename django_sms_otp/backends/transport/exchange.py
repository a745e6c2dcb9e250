"""One HTTP request with a deadline for the whole of it, by the standard library.

A connection serves one request. A kept one may have been closed by the other side meanwhile.
That shows only after the message was written, when nobody knows whether it was read.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from django.views.decorators.debug import sensitive_variables

from ...exceptions import DeliveryUnknown, NotDelivered
from .deadline import Deadline, Incoming, connect

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
    :param timeout: seconds within which the site has answered. The exchange has a little less
        (:func:`.deadline.for_the_gateway`), from connecting to the last byte. The look-up of
        the host's name has the time-outs of the system's resolver.
    :raises NotDelivered: not connected, so nothing was sent.
    :raises DeliveryUnknown: connected, and then no answer came in time.
    """
    deadline = Deadline(timeout)
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


def _connect(url: SplitResult, deadline: Deadline) -> socket.socket:
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        return _secured(connect(host, port, deadline), url)
    except (OSError, UnicodeError) as error:
        failure = type(error).__name__
    raise NotDelivered(f"The gateway cannot be reached ({failure}).", error_code=failure)


def _secured(connection: socket.socket, url: SplitResult) -> socket.socket:
    if url.scheme != "https":
        return connection
    try:
        return _tls().wrap_socket(connection, server_hostname=url.hostname)
    except BaseException:
        connection.close()
        raise


@cache
def _tls() -> ssl.SSLContext:
    # The system's authorities are read once: that takes some 20 ms.
    return ssl.create_default_context()


def _exchange(
    connection: socket.socket,
    url: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
) -> Answer:
    client = HTTPConnection(url.netloc)
    client.sock = connection
    connection.settimeout(deadline.left())
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    client.request("POST", target, body, {**headers, "Connection": "close"})
    incoming = Incoming(connection, deadline)
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
