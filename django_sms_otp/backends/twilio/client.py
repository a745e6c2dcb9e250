"""What the Twilio backends share: the client of Twilio's SDK, and what its errors mean.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from ...conf.validators import positive_number, public_url
from ...exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from ..transport.connections import never_connected
from ..transport.deadline import Deadline, within
from .error_codes import BLOCKED_AS_FRAUD, LATER, NEEDS_ATTENTION, REFUSED
from .sids import require_sid

if TYPE_CHECKING:
    from twilio.rest import Client

__all__ = ["DEFAULT_TIMEOUT", "OwnErrors", "ask", "error_of", "make_client"]

T = TypeVar("T")

OwnErrors = Callable[[int], DeliveryError | None]

DEFAULT_TIMEOUT = 10.0

RATE_RETRIES = 2
RATE_RETRY_BASE = 0.1
"""A 429 was never processed, so trying again is safe: after 0.1 s, then 0.2 s, with jitter."""


def make_client(
    *,
    alias: str,
    account_sid: str,
    auth_token: str,
    api_key_sid: str,
    api_key_secret: str,
    timeout: float,
    region: str | None,
    edge: str | None,
    base_url: str | None,
) -> Client:
    """Return a client of Twilio's SDK. It uses the API key, where there is one.

    :param auth_token: needed beside a key by who checks the signature of Twilio's webhooks.
    :raises InvalidBackend: an option is missing or wrong, or the SDK is.
    """
    require_sid("account_sid", account_sid, "AC", alias=alias)
    if api_key_sid:
        require_sid("api_key_sid", api_key_sid, "SK", alias=alias)
    if bool(api_key_sid) != bool(api_key_secret):
        raise InvalidBackend("'api_key_sid' and 'api_key_secret' go together.", alias=alias)
    if not (auth_token or api_key_sid):
        raise InvalidBackend(
            "give 'api_key_sid' and 'api_key_secret', or 'auth_token'.", alias=alias
        )
    if problem := positive_number(timeout):
        raise InvalidBackend(f"option 'timeout' {problem}.", alias=alias)
    if region and not edge:
        raise InvalidBackend("option 'region' needs 'edge' too.", alias=alias)
    if base_url and (region or edge):
        raise InvalidBackend("'base_url' excludes 'region' and 'edge'.", alias=alias)
    if base_url and (problem := public_url(base_url)):
        raise InvalidBackend(f"option 'base_url' {problem}.", alias=alias)
    try:
        from twilio.rest import Client

        from .http import make_http_client
    except ImportError as error:
        raise InvalidBackend(
            "Twilio's SDK is missing: pip install 'django-sms-otp[twilio]'.", alias=alias
        ) from error
    client = Client(
        username=api_key_sid or account_sid,
        password=api_key_secret or auth_token,
        account_sid=account_sid,
        region=region,
        edge=edge,
        http_client=make_http_client(),
        # Not empty, or the SDK would read TWILIO_REGION and TWILIO_EDGE behind our back.
        environment={"TWILIO_REGION": ""},
    )
    if base_url:
        client.api.base_url = client.verify.base_url = base_url
    return client


def ask(call: Callable[[], T], *, timeout: float, own_errors: OwnErrors | None = None) -> T:
    """Call Twilio. Without an idempotency key, only a 429 may be tried again.

    :param timeout: seconds for all tries; within a block of :func:`.deadline.within`, its own.
    :param own_errors: what a resource's own error codes mean; ``None`` for any other code.
    :raises DeliveryError: Twilio did not do it, or nobody knows.
    """
    with within(timeout) as deadline:
        for tries in range(RATE_RETRIES):
            try:
                return _ask_once(call, own_errors)
            except _RateLimited:
                if not _has_time(deadline):
                    raise
            time.sleep(RATE_RETRY_BASE * 2**tries * random.uniform(0.5, 1.5))  # noqa: S311
        return _ask_once(call, own_errors)


def _has_time(deadline: Deadline) -> bool:
    """Tell whether to try again. A try that is cut short would turn what was certainly not sent
    into what nobody knows."""
    try:
        return deadline.left() > deadline.seconds / 2
    except TimeoutError:
        return False


def _ask_once(call: Callable[[], T], own_errors: OwnErrors | None) -> T:
    # Imported here: the SDK is 50 MB, and most sites run other commands too.
    from requests import RequestException
    from twilio.base.exceptions import TwilioException
    from urllib3.exceptions import HTTPError

    failure: DeliveryError
    try:
        return call()
    except TwilioException as error:
        # Older SDKs lack the subclass for answers by RFC 9457.
        code = getattr(error, "code", 0)
        # What is in an answer may be anything.
        own = own_errors(code) if own_errors and isinstance(code, int) else None
        failure = own or error_of(getattr(error, "status", 0), code)
    except (RequestException, HTTPError) as error:
        failure = _transport_error(error)
    except (ValueError, TypeError, AttributeError, RecursionError):
        failure = DeliveryUnknown("Twilio's answer cannot be read.", error_code="unreadable")
    # Raised out here, the error has no context: the SDK's own holds the number and more.
    raise failure


class _RateLimited(NotDelivered):
    """Answered by 429: not processed."""


def error_of(status: object, code: object) -> DeliveryError:
    """Map an answer to the error that says whether, and why, nothing was sent.

    :param status: of HTTP, as the SDK reports it; newer services name it in the body.
    :param code: Twilio's, if the answer has one.
    """
    status, code = _whole(status), _whole(code)
    error_code = str(code or status)
    if status == 429 or code == 20429:
        return _RateLimited(
            "Twilio takes no more requests now.",
            error_code=error_code,
            retry_after=timedelta(seconds=5),
        )
    if code in BLOCKED_AS_FRAUD:
        return DeliveryBlocked("Twilio blocked it as fraud.", error_code=error_code)
    if code in REFUSED:
        return DeliveryRefused(
            f"Twilio refused the number ({code}).",
            code=REFUSED[code],
            error_code=error_code,
            needs_attention=code in NEEDS_ATTENTION,
        )
    if 400 <= status < 500:
        return NotDelivered(
            f"Twilio refused the message ({error_code}).",
            error_code=error_code,
            retry_after=timedelta(seconds=60 if code in LATER else 30),
            needs_attention=code in NEEDS_ATTENTION,
            is_permanent=code not in LATER,
        )
    return DeliveryUnknown(f"Twilio failed ({error_code}).", error_code=error_code)


def _whole(value: object) -> int:
    """Read a number out of an answer, which may hold anything in its place."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _transport_error(error: Exception) -> DeliveryError:
    """Tell "never connected" from "connected, and then nobody knows"."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    name = type(reason or error).__name__
    if never_connected(error):
        return NotDelivered(f"Twilio cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"Twilio did not answer ({name}).", error_code=name)
