"""What the errors of Twilio Verify mean. Its rate limits answer 429 as Twilio's own does, but
trying again at once helps against none of them.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from ...exceptions import DeliveryBlocked, DeliveryError, DeliveryRefused, NotDelivered

__all__ = ["NOT_FOUND", "WINDOW", "NoVerification", "error_of_check", "error_of_start"]

WINDOW = timedelta(minutes=10)
"""How long a verification lives, and with it Twilio's counts of its messages and guesses."""

BURST = timedelta(minutes=1)

NUMBER_REFUSED: Mapping[int, str] = MappingProxyType(
    {
        60006: "invalid_phone_number",  # well-formed, but not in use
        60200: "invalid_phone_number",  # invalid parameter: of ours, To alone varies
        60205: "phone_number_not_sms_capable",  # a landline
        60605: "region_not_supported",  # Verify's geo permissions
    }
)
WAITS: Mapping[int, timedelta] = MappingProxyType(
    {
        60202: WINDOW,  # 5 guesses: no new verification before this one has expired
        60203: WINDOW,  # 5 messages
        60212: BURST,  # several at once
    }
)
BLOCKED_AS_FRAUD = frozenset({60410})
NEEDS_ATTENTION = frozenset(
    {
        60204,  # the service takes no custom codes
        60223,  # the service has this channel switched off
        60238,  # the account is under review
        60605,
    }
)
NOT_FOUND = frozenset({404, 20404})


class NoVerification(NotDelivered):
    """There is none that is open."""


def error_of_start(code: int) -> DeliveryError | None:
    error_code = str(code)
    if code in WAITS:
        return DeliveryRefused(
            f"Verify sends no more to this number now ({code}).",
            code="quota_exceeded",
            error_code=error_code,
            retry_after=WAITS[code],
        )
    if code in BLOCKED_AS_FRAUD:
        return DeliveryBlocked("Verify's Fraud Guard blocked it.", error_code=error_code)
    if code in NUMBER_REFUSED:
        return DeliveryRefused(
            f"Verify refused the number ({code}).",
            code=NUMBER_REFUSED[code],
            error_code=error_code,
            needs_attention=code in NEEDS_ATTENTION,
        )
    if code in NEEDS_ATTENTION:
        return NotDelivered(
            f"Verify refused the message ({code}).",
            error_code=error_code,
            needs_attention=True,
        )
    return None


def error_of_check(code: int) -> DeliveryError | None:
    if code in NOT_FOUND:
        return NoVerification("There is no such verification.", error_code=str(code))
    if code in WAITS:
        return DeliveryRefused(
            f"Verify looks at no more guesses of this number now ({code}).",
            code="too_many_attempts",
            error_code=str(code),
            retry_after=WAITS[code],
        )
    return None
