"""The SDK's HTTP client, made to hold against answers that have no end.

The SDK reads an answer whole, and its time-out is one of silence: a gateway, or what sits in
its place, could fill the memory, or hold a worker by sending a byte now and then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from requests import RequestException, Response
from twilio.http.http_client import TwilioHttpClient

__all__ = ["EndlessAnswer", "make_http_client"]

LARGEST_ANSWER = 64 * 1024
"""Bytes. Twilio's own have less than two thousand."""


class EndlessAnswer(RequestException):
    """The body was longer, or took longer, than any answer of Twilio's."""


def make_http_client(timeout: float) -> TwilioHttpClient:
    """Return a client that waits ``timeout`` seconds to connect, as long for the answer to
    begin, and as long for it to end."""

    def bound(response: Response, **kwargs: Any) -> None:
        response.raw = _BoundedBody(response.raw, time.monotonic() + timeout)

    return TwilioHttpClient(timeout=timeout, request_hooks={"response": bound})


class _BoundedBody:
    """The body of an answer, as ``requests`` reads it."""

    def __init__(self, body: Any, deadline: float) -> None:
        self._body, self._deadline = body, deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amt: int, **kwargs: Any) -> Iterator[bytes]:
        # read() waits until there are so many bytes; urllib3 1.26 has no other.
        read = getattr(self._body, "read1", self._body.read)
        size = 0
        while chunk := read(amt, **kwargs):
            size += len(chunk)
            if size > LARGEST_ANSWER or time.monotonic() > self._deadline:
                # Not released: what is still to come must not be the next request's answer.
                self._body.close()
                raise EndlessAnswer
            yield chunk
