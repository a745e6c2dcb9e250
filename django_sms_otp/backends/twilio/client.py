"""One question to Twilio, through its SDK.

The SDK reads an answer whole, and its time-out is one of silence. Without the limits of this
module, an answer that has no end could fill the memory, or hold a worker.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ...exceptions import DeliveryError, DeliveryUnknown, NotDelivered
from ...logs import translate_errors
from ..transport.connecting import never_connected
from ..transport.deadline import socket_timeouts, time_left
from .error_codes import RateLimited, delivery_error

if TYPE_CHECKING:
    from requests import Response
    from twilio.http.http_client import TwilioHttpClient

__all__ = ["LARGEST_ANSWER", "ask", "make_http_client"]

T = TypeVar("T")

LARGEST_ANSWER = 64 * 1024
"""Bytes. Twilio's own answers have less than two thousand."""

CHUNK = 10 * 1024

RATE_RETRIES = 2
RATE_RETRY_BASE = 0.1
"""A 429 was never processed, so trying again is safe: after 0.1 s, then 0.2 s, with jitter."""


def make_http_client(timeout: float) -> TwilioHttpClient:
    """Return the SDK's HTTP client, with bounds for the time and the size of an answer."""
    from twilio.http.http_client import TwilioHttpClient

    client = TwilioHttpClient(request_hooks={"response": _read_bounded})
    # For requests, which takes both. The SDK's own argument is one number.
    client.timeout = socket_timeouts(timeout)
    return client


def _read_bounded(response: Response, **_options: Any) -> None:
    """Read the body of an answer, and leave it to requests in place of the connection.

    :raises DeliveryUnknown: it is longer than any answer of Twilio's.
    """
    body = b""
    while chunk := response.raw.read(CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            # The connection must not be kept: the rest would be the next request's answer.
            response.close()
            raise DeliveryUnknown("Twilio's answer is too long.", error_code="EndlessAnswer")
    response.raw = io.BytesIO(body)


def ask(call: Callable[[], T]) -> T:
    """Call Twilio. Without an idempotency key, only a 429 may be tried again.

    :raises DeliveryError: Twilio did not do it, or nobody knows.
    """
    half = time_left() / 2
    for tries in range(RATE_RETRIES):
        try:
            return _ask_once(call)
        except RateLimited:
            # A try that is cut short would turn "certainly not sent" into "unknown".
            if time_left() < half:
                raise
        time.sleep(RATE_RETRY_BASE * 2**tries * random.uniform(0.5, 1.5))  # noqa: S311
    return _ask_once(call)


def _ask_once(call: Callable[[], T]) -> T:
    # Imported here: the SDK has 50 MB, and most processes never call it.
    from requests import RequestException
    from twilio.base.exceptions import TwilioException
    from urllib3.exceptions import HTTPError

    unreadable = (ValueError, TypeError, AttributeError, RecursionError)
    foreign = (TwilioException, RequestException, HTTPError, *unreadable)
    return translate_errors(call, _translate, foreign=foreign)


def _translate(error: Exception) -> DeliveryError:
    from requests import RequestException
    from requests.exceptions import InvalidURL
    from twilio.base.exceptions import TwilioException
    from urllib3.exceptions import HTTPError

    if isinstance(error, TwilioException):
        # Older SDKs lack the subclass for answers by RFC 9457, and with it the attributes.
        status, code = getattr(error, "status", 0), getattr(error, "code", 0)
        return delivery_error(status, code, _words(error))
    if not isinstance(error, RequestException | HTTPError):
        return DeliveryUnknown("Twilio's answer cannot be read.", error_code="unreadable")
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    name = type(reason or error).__name__
    if never_connected(error) or isinstance(error, InvalidURL):
        return NotDelivered(f"Twilio cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"Twilio did not answer ({name}).", error_code=name)


def _words(error: Exception) -> str:
    """Return what Twilio says about an error, and the names of the fields that it blames."""
    said = [getattr(error, name, "") for name in ("msg", "title", "detail")]
    fields = getattr(error, "errors", None) or ()
    said += [f"parameter {each.get('pointer', '').strip('#/')}" for each in fields]
    return " ".join(map(str, said))
