"""Sends a site's own texts: no code of ours, no row, no queue."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.utils import translation

from ..backends import SendResult, SMSMessage, get_backend, hand_over
from ..conf import get_settings
from ..db import refuse_transaction
from ..exceptions import Cause, DeliveryError, NotDelivered
from ..logs import log_fields
from ..models import new_request_id
from ..phone import PhoneNumber, mask
from ..purposes import is_name
from ..stats.counts import count

__all__ = ["send_text"]

logger = logging.getLogger("django_sms_otp")

LIFETIME = timedelta(days=3)
"""As long as Amazon keeps a message. Twilio keeps it for ten hours at most."""

INSIDE_TRANSACTION = (
    "send_text() waits for a gateway, and a message cannot be rolled back. Call it after the "
    "commit: transaction.on_commit(lambda: send_text(...))."
)


def send_text(
    phone_number: PhoneNumber,
    body: str,
    *,
    purpose: str = "text",
    channel: str | None = None,
    backend: str | None = None,
    valid_for: timedelta = LIFETIME,
) -> SendResult:
    """Send a text of the site, and return the gateway's ``message_id`` and the backend's
    ``alias``.

    The message goes through the same backends, failovers and circuits as a code, and is counted
    as ``text:sent``, or by the outcome of the error. No limit applies: that is the caller's
    matter, and each message costs money.

    :param purpose: what the text is for: a word for the logs and the backend.
    :param channel: one of ``CHANNELS``; by default ``sms`` if it is among them, else the first.
    :param backend: an alias in ``SMS_OTP_BACKENDS``; by default the one of the channel.
    :param valid_for: the time after which the gateway should drop the message.
    :raises DeliveryError: the message was not sent, or it is unknown whether it was. So it is
        if the backend sends no text but its own.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises InvalidSettings: the configuration is broken.
    :raises TypeError: an argument has another type.
    :raises ValueError: ``CHANNELS`` lacks ``channel``, ``body`` is empty, or ``purpose`` is no
        such word.
    """
    _check(phone_number, body, purpose)
    settings = get_settings()
    channel = settings.channel(channel)
    alias = backend or settings.CHANNELS[channel]
    refuse_transaction(INSIDE_TRANSACTION)
    message = SMSMessage(
        to=phone_number.e164,
        body=body,
        code=None,
        purpose=purpose,
        request_id=new_request_id(),
        valid_for=valid_for,
        channel=channel,
        language=translation.get_language() or "",
        region=phone_number.region,
    )
    try:
        result = _send(message, alias)
    except DeliveryError as error:
        _note_failure(message, error)
        raise
    _note_success(message, result)
    return result


def _check(phone_number: object, body: object, purpose: object) -> None:
    if not isinstance(phone_number, PhoneNumber):
        kind = type(phone_number).__name__
        raise TypeError(f"phone_number must be what read_phone_number() returns, not {kind}.")
    if not isinstance(body, str):
        raise TypeError(f"body must be a str, not {type(body).__name__}.")
    if not body.strip():
        raise ValueError("body is empty: there is nothing to send.")
    if not is_name(purpose):
        raise ValueError(
            "purpose must be 1 to 32 letters, digits or any of _ . : -, and another word than "
            f"'test', not {purpose!r}."
        )


def _send(message: SMSMessage, alias: str) -> SendResult:
    if not get_backend(alias).shows_text(message.channel):
        error = NotDelivered(
            f"The backend {alias!r} sends codes in words of its own, and no other text by "
            f"{message.channel!r}. Name one that does: send_text(..., backend=...).",
            error_code="no-texts",
            cause=Cause.ACCOUNT,
        )
        error.alias = alias
        raise error
    return hand_over(message, alias)


# What is counted and logged has neither the words nor the whole number.


def _note_success(message: SMSMessage, result: SendResult) -> None:
    count("text:sent", message.region)
    logger.info(
        "Sent a text (%s) to %s by %r.",
        *(message.purpose, mask(message.to), result.alias),
        extra=_fields(message, result, "sent"),
    )


def _note_failure(message: SMSMessage, error: DeliveryError) -> None:
    count(f"text:{error.outcome}", message.region)
    logger.log(
        error.log_level,
        "A text (%s) to %s by %r: %s %s",
        *(message.purpose, mask(message.to), error.alias, error, error.verdict),
        extra=_fields(message, error, error.outcome, error.error_code),
    )


def _fields(
    message: SMSMessage, of: SendResult | DeliveryError, outcome: str, error_code: str = ""
) -> dict[str, Any]:
    return log_fields(
        "text",
        phone_number=message.to,
        region=message.region,
        purpose=message.purpose,
        channel=message.channel,
        backend=of.alias,
        outcome=outcome,
        error_code=error_code,
        latency=of.latency,
    )
