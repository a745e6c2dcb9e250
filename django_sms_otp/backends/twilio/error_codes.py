"""Twilio's error codes: what each is about, and our errors for them.

The codes are data, in ``error_codes.toml``. Twilio splits codes over time. A code that is not
there counts by the status of the answer: after an unknown 4xx nothing was sent, after an
unknown 5xx nobody knows.
https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from ...exceptions import Cause, DeliveryError, NotDelivered
from .. import faults
from ..faults import Fault, fault_of_status

__all__ = [
    "NOT_FOUND",
    "VERIFICATION_LIFETIME",
    "RateLimited",
    "delivery_error",
    "fault_of_twilio",
    "faults_by_code",
    "read_number",
]

VERIFICATION_LIFETIME = timedelta(minutes=10)
"""The life of a verification, and of Verify's counts of its messages and guesses."""

NOT_FOUND = frozenset({404, 20404})
BAD_PARAMETER = 60200
PARAMETER = re.compile(r"parameter:?\s*[`'\"]?(\w+)", re.IGNORECASE)


class RateLimited(NotDelivered):
    """Twilio answered 429: it has not processed the request."""


GROUPS = {
    "bad-callback": faults.BAD_CALLBACK,
    "bad-option": faults.BAD_OPTION,
    "bad-template": faults.BAD_TEMPLATE,
    "bad-text": faults.BAD_TEXT,
    "blocked": faults.BLOCKED,
    "busy": faults.BUSY,
    "channel-off": faults.CHANNEL_OFF,
    "credentials": faults.CREDENTIALS,
    "down": faults.DOWN,
    "expired": faults.EXPIRED,
    "filtered": faults.FILTERED,
    "five-guesses": faults.must_wait(VERIFICATION_LIFETIME),
    "five-messages": faults.must_wait(VERIFICATION_LIFETIME),
    "forbidden": faults.FORBIDDEN,
    "fraud": faults.FRAUD,
    "invalid-number": faults.INVALID_NUMBER,
    "landline": faults.LANDLINE,
    "no-money": faults.NO_MONEY,
    "no-reason": faults.NO_REASON,
    "no-route": faults.NO_ROUTE,
    "not-found": faults.NOT_FOUND,
    "not-on-whatsapp": faults.NOT_ON_CHANNEL,
    "opted-out": faults.OPTED_OUT,
    "phone-off": faults.PHONE_OFF,
    "premium": faults.PREMIUM,
    "queue-full": faults.QUEUE_FULL,
    "region-excluded": faults.REGION_EXCLUDED,
    "region-off": faults.REGION_OFF,
    "sandbox": faults.SANDBOX,
    "sender": faults.SENDER,
    "service": faults.SERVICE,
    "several-at-once": faults.must_wait(timedelta(minutes=1)),
    "suspended": faults.SUSPENDED,
    "trial": faults.TRIAL,
    "unknown-phone": faults.UNKNOWN_PHONE,
    "unregistered": faults.UNREGISTERED,
    "wrong-language": faults.WRONG_LANGUAGE,
    "wrong-sender": faults.WRONG_SENDER,
}
"""Faults by the names of the file."""

STATUSES = {
    "busy": faults.BUSY_LINE,
    "canceled": faults.NO_REASON,
    "failed": faults.NO_REASON,
    "no-answer": faults.NOBODY_ANSWERED,
    "undelivered": faults.NO_REASON,
}
"""Faults of receipts without a code, by their status."""


@cache
def read_table() -> Mapping[str, Any]:
    """Return the content of the file: ``compared``, a date, and ``groups``."""
    text = files(__package__).joinpath("error_codes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def faults_by_code() -> Mapping[int, Fault]:
    """Return the fault of each of Twilio's codes."""
    groups = read_table()["groups"]
    return {code: GROUPS[name] for name, codes in groups.items() for code in codes}


def date_of_table() -> date:
    """Return the day on which the codes were last compared with Twilio's dictionary."""
    compared: date = read_table()["compared"]
    return compared


def fault_of_twilio(code: object) -> Fault | None:
    """Return the fault of a code, or of a status that stands in its place in a receipt."""
    return faults_by_code().get(read_number(code)) or STATUSES.get(str(code))


def delivery_error(status: object, code: object, text: object = "") -> DeliveryError:
    """Return our error for an answer: whether nothing was sent, and why.

    :param status: the HTTP status as the SDK reports it. Newer services name it in the body.
    :param code: Twilio's code, if the answer has one.
    :param text: Twilio's words, which name the parameter that is wrong.
    """
    status, code = read_number(status), read_number(code)
    error_code = str(code or status)
    fault = _of_parameter(text) if code == BAD_PARAMETER else faults_by_code().get(code)
    fault = fault or fault_of_status(status)
    if code == 20429 or (status == 429 and fault.cause is Cause.MOMENT):
        return _rate_limited(error_code)
    return fault.error("Twilio", error_code, is_sure=400 <= status < 500)


def _rate_limited(error_code: str) -> RateLimited:
    return RateLimited(
        f"Twilio takes no more requests now ({error_code}).",
        error_code=error_code,
        retry_after=faults.BUSY.wait or timedelta(seconds=5),
    )


def _of_parameter(text: object) -> Fault:
    """Return the fault of an answer that calls a parameter invalid."""
    found = PARAMETER.search(str(text))
    if found is None or found[1].lower() == "to":
        return faults.INVALID_NUMBER
    is_language = found[1].lower() == "locale"
    return faults.WRONG_LANGUAGE if is_language else faults.BAD_OPTION


def read_number(value: object) -> int:
    """Return a number out of an answer, which may hold anything in its place; else 0."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
