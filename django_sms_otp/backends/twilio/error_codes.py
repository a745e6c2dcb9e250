"""Twilio's error codes, with their meaning for a message and advice for a person.

Twilio splits codes over time. A code that is not in the table counts by the status of the
answer: after an unknown 4xx nothing was sent, after an unknown 5xx nobody knows.
https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

__all__ = [
    "ERROR_CODES",
    "NOT_FOUND",
    "VERIFICATION_LIFETIME",
    "ErrorCode",
    "RateLimited",
    "delivery_error",
    "look_up",
    "read_number",
]

VERIFICATION_LIFETIME = timedelta(minutes=10)
"""The life of a verification, and of Verify's counts of its messages and guesses."""

NOT_FOUND = frozenset({404, 20404})


class RateLimited(NotDelivered):
    """Twilio answered 429: it has not processed the request."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """The meaning of an error code. The defaults are those of an unknown code.

    :param advice: the advice for a person who sees the code.
    :param refusal: the word that the API answers with, if the number is to blame.
    :param wait: the time until Verify serves the number again.
    :param is_fraud: Twilio blocked the message as fraud.
    :param needs_attention: nothing is sent until somebody mends the settings or the account.
    :param is_queue_full: nothing is sent to anybody for a while.
    """

    advice: str = "Look the code up:"
    refusal: str = ""
    wait: timedelta | None = None
    is_fraud: bool = False
    needs_attention: bool = False
    is_queue_full: bool = False


UNKNOWN = ErrorCode()

_UNREACHABLE_SITE = "Twilio cannot reach the address for receipts. See SMS_OTP['PUBLIC_URL']."


def _to_mend(advice: str) -> ErrorCode:
    return ErrorCode(advice, needs_attention=True)


_GROUPS: dict[tuple[int, ...], ErrorCode] = {
    # The number
    (21211, 21217, 21265, 21266, 13223, 13224, 60006, 60200): ErrorCode(
        "This is not a number that Twilio can send to.", refusal="invalid_phone_number"
    ),
    (21614, 21635, 30006, 60205): ErrorCode(
        "This is a landline, or its carrier takes no SMS. Try a mobile number.",
        refusal="phone_number_not_sms_capable",
    ),
    (21202, 21268): ErrorCode(
        "This is a premium-rate number. Try another one.",
        refusal="phone_number_not_sms_capable",
    ),
    (63003, 63024): ErrorCode(
        "This number is not on WhatsApp.", refusal="phone_number_not_sms_capable"
    ),
    (21610,): ErrorCode(
        "The phone has texted STOP. It must text START to the sender.",
        refusal="recipient_opted_out",
    ),
    # Its region. 21216, "number is blocked", means a risk, or an account without a profile that
    # calls +1. It does not count as fraud: that would answer an account's fault as a success.
    (21203, 21215, 21216, 21408, 60605, 13225, 13227, 32205): ErrorCode(
        "The region of this number is not enabled. Enable it under Geo permissions in the "
        "console, or leave it out of SMS_OTP['ALLOWED_REGIONS'].",
        refusal="region_not_supported",
        needs_attention=True,
    ),
    # Fraud
    (30450, 30453, 60410): ErrorCode(
        "Twilio's fraud guard blocks this number's prefix. See its settings in the console, "
        "and allow the number if it is yours.",
        is_fraud=True,
    ),
    # The account. The SDK reports 401, 403 and 404 if the answer has no code.
    (401, 403, 20003): _to_mend(
        "Twilio does not know these credentials. Compare account_sid and auth_token, or the "
        "API key and its secret, with the console; a key of another region does not count."
    ),
    (404, 20404): _to_mend(
        "Twilio knows no such account, service or sender. Compare the SIDs with the console."
    ),
    (10005,): _to_mend(
        "This account makes no calls. Enable Programmable Voice in the console."
    ),
    (10001, 30002): _to_mend(
        "The account is suspended or closed. See the console, and its balance."
    ),
    (10002, 21219, 21267, 21608): _to_mend(
        "The account is on trial: it sends to numbers that were verified in the console, and "
        "by a number of its own. Upgrade it, or verify the number."
    ),
    (60238,): _to_mend("Twilio reviews the account. See the console."),
    # The sender
    (21210, 21212, 21213, 13214, 21601, 21606, 21659, 21660, 21661, 63007): _to_mend(
        "The sender (from_number, or the like of the channel) is not one that this account may "
        "send from."
    ),
    (21701, 21703, 21705): _to_mend(
        "The messaging service is unknown, or has no senders. Add one."
    ),
    (30034,): _to_mend(
        "The sender is not registered for A2P 10DLC, which numbers of the United States ask "
        "for. Register it in the console."
    ),
    # The message
    (21609,): _to_mend(_UNREACHABLE_SITE),
    (21626,): ErrorCode(_UNREACHABLE_SITE),
    (21602, 21617): _to_mend("The text is empty, or too long. See SMS_OTP['MESSAGE']."),
    (21624,): _to_mend(
        "Twilio does not take this validity period. See SMS_OTP['CODE_LIFETIME']."
    ),
    (21654, 21655, 21656, 63016): _to_mend(
        "WhatsApp takes nothing but approved templates: compare the content template with the "
        "console."
    ),
    (63015,): _to_mend(
        "This is WhatsApp's sandbox. The phone must join it first; see the console."
    ),
    (30029, 30030): _to_mend(
        "Message redaction is not enabled for this account. Enable it, or leave the option out."
    ),
    (60204,): _to_mend(
        "The Verify service takes no custom codes. Ask Twilio to enable them, or leave out "
        "'custom_codes'."
    ),
    (60223,): _to_mend("The Verify service has this channel switched off. Switch it on."),
    # The time
    (10004, 21611, 30001, 63018, 63038): ErrorCode(
        "Too many messages or calls of this account wait to be sent. Try again in a minute.",
        is_queue_full=True,
    ),
    (20429,): ErrorCode("Too many requests at once. Try again in a moment."),
    (60202,): ErrorCode(
        "There were 5 wrong guesses. Verify sends nothing to this number for ten minutes.",
        refusal="quota_exceeded",
        wait=VERIFICATION_LIFETIME,
    ),
    (60203,): ErrorCode(
        "There were 5 messages. Verify sends nothing to this number for ten minutes.",
        refusal="quota_exceeded",
        wait=VERIFICATION_LIFETIME,
    ),
    (60212,): ErrorCode(
        "There were several messages at once. Try again in a minute.",
        refusal="quota_exceeded",
        wait=timedelta(minutes=1),
    ),
}

ERROR_CODES = {code: meaning for codes, meaning in _GROUPS.items() for code in codes}


def look_up(code: object) -> ErrorCode:
    """Return the meaning of an error code, in the table or not."""
    return ERROR_CODES.get(read_number(code), UNKNOWN)


def delivery_error(status: object, code: object) -> DeliveryError:
    """Return our error for an answer: whether nothing was sent, and why.

    :param status: the HTTP status as the SDK reports it. Newer services name it in the body.
    :param code: Twilio's code, if the answer has one.
    """
    status, code = read_number(status), read_number(code)
    error_code, meaning = str(code or status), look_up(code)
    if (status == 429 and meaning.wait is None) or code == 20429:
        return RateLimited(
            "Twilio takes no more requests now.",
            error_code=error_code,
            retry_after=timedelta(seconds=5),
        )
    if meaning.is_fraud:
        return DeliveryBlocked("Twilio blocked it as fraud.", error_code=error_code)
    if meaning.refusal:
        return DeliveryRefused(
            f"Twilio refused the number ({code}).",
            code=meaning.refusal,
            error_code=error_code,
            retry_after=meaning.wait,
            needs_attention=meaning.needs_attention,
        )
    if 400 <= status < 500:
        return NotDelivered(
            f"Twilio refused the message ({error_code}).",
            error_code=error_code,
            retry_after=timedelta(seconds=60 if meaning.is_queue_full else 30),
            needs_attention=meaning.needs_attention,
            is_permanent=not meaning.is_queue_full,
        )
    return DeliveryUnknown(f"Twilio failed ({error_code}).", error_code=error_code)


def read_number(value: object) -> int:
    """Return a number out of an answer, which may hold anything in its place; else 0."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
