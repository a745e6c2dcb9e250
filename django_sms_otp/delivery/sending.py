"""Sends or withholds a claimed message, and records the result."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ..backends import SendResult, SMSMessage, hand_over
from ..controls import note_fraud
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidSettings,
    NotDelivered,
)
from ..logs import log_fields
from ..models import DeliveryState, OTPCode
from ..phone import PhoneNumber
from ..signals import code_sent, delivery_failed
from .composing import message_of
from .recording import OUTAGES, record, refund

__all__ = ["deliver", "give_up", "send", "withhold"]

logger = logging.getLogger("django_sms_otp")


def deliver(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    *,
    counted_at: datetime,
) -> None:
    """Send a code, and record the result.

    If the message was not sent, the number gets its cooldown and quota back.

    :param counted_at: when the number's row counted this message.
    :raises DeliveryError: the message was not sent, or the result is unknown.
    """
    try:
        send(otp_code, phone_number, otp_code.expires_at - counted_at)
    except DeliveryError as error:
        give_up(otp_code, phone_number, error)
        if isinstance(error, NotDelivered):
            refund(phone_number, counted_at)
        raise


def send(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    valid_for: timedelta,
) -> None:
    """Send a code, and record that it was sent.

    :raises DeliveryError: the message was not sent, or the result is unknown. The error is not
        recorded: see :func:`give_up`.
    """
    result = _hand_over(otp_code, valid_for)
    record(
        otp_code,
        backend=result.alias,
        delivery_state=DeliveryState.SENT,
        delivery_error="",
        message_id=_storable(result.message_id, 128),
        sent_at=timezone.now(),
    )
    extra = log_fields("code_sent", otp_code=otp_code, outcome="sent", latency=result.latency)
    text = "Sent code %s to %s by %r."
    logger.info(text, otp_code.id, phone_number, otp_code.backend, extra=extra)
    _send_signal(code_sent, otp_code, phone_number, latency=result.latency)


def give_up(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    error: DeliveryError,
) -> None:
    """Record that a message was not sent, or that the result is unknown."""
    unknown = isinstance(error, DeliveryUnknown)
    record(
        otp_code,
        backend=error.alias or otp_code.backend,
        delivery_state=DeliveryState.UNKNOWN if unknown else DeliveryState.FAILED,
        delivery_error=_storable(error.error_code, 64),
    )
    logger.log(
        _log_level(error),
        "Code %s to %s by %r: %s %s",
        otp_code.id,
        phone_number,
        otp_code.backend,
        error,
        error.verdict,
        extra=log_fields(
            "delivery_failed",
            otp_code=otp_code,
            outcome=error.outcome,
            error_code=error.error_code,
            latency=error.latency,
        ),
    )
    _send_signal(delivery_failed, otp_code, phone_number, error=error, latency=error.latency)
    if isinstance(error, DeliveryBlocked):
        note_fraud(phone_number)


def withhold(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    *,
    counted_at: datetime,
) -> None:
    """Record that a control withholds a code.

    This composes the message and writes the same columns as a send. So the time of the answer
    does not tell that the message was withheld.
    """
    with suppress(NotDelivered):
        message_of(otp_code, otp_code.expires_at - counted_at)
    record(
        otp_code,
        backend=otp_code.backend,
        delivery_state=DeliveryState.WITHHELD,
        delivery_error="",
        message_id=otp_code.message_id,
        sent_at=otp_code.sent_at,
    )
    control = otp_code.withheld_by
    extra = log_fields("code_withheld", otp_code=otp_code, outcome="withheld", control=control)
    logger.info("Withheld code %s from %s.", otp_code.id, phone_number, extra=extra)


@sensitive_variables("message")
def _hand_over(otp_code: OTPCode, valid_for: timedelta) -> SendResult:
    return hand_over(_composed(otp_code, valid_for), otp_code.backend)


def _composed(otp_code: OTPCode, valid_for: timedelta) -> SMSMessage:
    try:
        return message_of(otp_code, valid_for)
    except (DeliveryError, InvalidSettings, *OUTAGES):
        raise
    except Exception as error:
        # A template may raise any error, and the text of the error may hold the code.
        name = type(error).__name__
    raise NotDelivered(
        f"SMS_OTP['MESSAGE'] cannot be rendered: {name}.",
        error_code=name,
        needs_attention=True,
    )


def _storable(text: str, length: int) -> str:
    """Return the part of a gateway's text that fits a column.

    PostgreSQL refuses NUL and surrogates.
    """
    return "".join(char for char in text if char.isprintable())[:length]


def _log_level(error: DeliveryError) -> int:
    if isinstance(error, DeliveryRefused | NotDelivered) and error.needs_attention:
        return logging.ERROR
    if isinstance(error, DeliveryRefused):
        return logging.INFO
    return logging.ERROR if isinstance(error, DeliveryBlocked) else logging.WARNING


def _send_signal(
    signal: Any, otp_code: OTPCode, phone_number: PhoneNumber, **extra: Any
) -> None:
    signal.send_robust(
        OTPCode, otp_code=otp_code, phone_number=phone_number, purpose=otp_code.purpose, **extra
    )
