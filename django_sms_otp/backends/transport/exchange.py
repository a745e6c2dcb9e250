"""One HTTP request with one time limit, by the standard library.

A connection serves one request. A gateway may have closed a kept one in the meantime. That
shows only after the message was written, when nobody knows whether it was read.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from ...exceptions import DeliveryUnknown, NotDelivered
from ...logs import translate_errors
from .deadline import socket_timeouts, within

__all__ = ["Answer", "post"]

LONGEST_ANSWER = 64 * 1024
"""Bytes of a body that are read. No answer that this app understands is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A gateway's answer: status, header lines by their name in lower case, and body.

    :param body: ``None`` if it was too long, too slow or cut off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
    """Post ``body``. Redirects are not followed, and proxies are not used.

    :param url: ``https://``; ``http://`` for this machine only.
    :param timeout: seconds until the app answers. The exchange has a little less, see
        :func:`.deadline.time_for_gateway`.
    :raises NotDelivered: there was no connection, so nothing was sent.
    :raises DeliveryUnknown: there was no answer in time.
    """
    parts = urlsplit(url)
    return within(timeout, lambda: _post(parts, body, headers, timeout), gateway=parts.netloc)


def _post(url: SplitResult, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    to_connect, silence = socket_timeouts(timeout)
    connection = (
        HTTPSConnection(url.netloc, timeout=to_connect, context=_tls())
        if url.scheme == "https"
        else HTTPConnection(url.netloc, timeout=to_connect)
    )
    try:
        # This agrees upon TLS, too.
        translate_errors(connection.connect, _unreachable, foreign=(OSError, UnicodeError))
        connection.sock.settimeout(silence)
        return translate_errors(
            lambda: _exchange(connection, url, body, headers),
            _unanswered,
            foreign=(OSError, HTTPException, ValueError),
        )
    finally:
        connection.close()


def _unreachable(error: Exception) -> NotDelivered:
    name = type(error).__name__
    return NotDelivered(f"The gateway cannot be reached ({name}).", error_code=name)


def _unanswered(error: Exception) -> DeliveryUnknown:
    name = type(error).__name__
    return DeliveryUnknown(f"The gateway did not answer ({name}).", error_code=name)


@cache
def _tls() -> ssl.SSLContext:
    # Reading the system's authorities takes some 20 ms.
    return ssl.create_default_context()


def _exchange(
    connection: HTTPConnection, url: SplitResult, body: bytes, headers: Mapping[str, str]
) -> Answer:
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    connection.request("POST", target, body, {**headers, "Connection": "close"})
    with connection.getresponse() as response:
        lines = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=lines, body=_read_body(response))


def _read_body(response: HTTPResponse) -> bytes | None:
    try:
        received = response.read(LONGEST_ANSWER + 1)
    except (OSError, HTTPException):
        return None
    # ``length`` counts the bytes that the gateway has announced and not sent.
    is_whole = len(received) <= LONGEST_ANSWER and not response.length
    return received if is_whole else None
