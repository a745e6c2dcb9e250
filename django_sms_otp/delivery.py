"""Hands a code to its gateway, after the commit, and records how that went."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from . import codes
from .backends import SendResult, SMSMessage, get_backend
from .conf import secret_keys
from .exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from .messages import compose
from .models import DeliveryState, OTPCode
from .phone import PhoneNumber
from .rounds import NumberRow, database_alias, in_rounds
from .signals import code_sent, delivery_failed

__all__ = ["code_of", "deliver", "withhold"]

logger = logging.getLogger("django_sms_otp")


def deliver(otp_code: OTPCode, phone_number: PhoneNumber, *, counted_at: datetime) -> None:
    """Send a code and record the result. Gives the cooldown back where nothing was sent.

    :param counted_at: when the number's row counted this message.
    :raises DeliveryError: the message was not handed over, or nobody knows.
    """
    try:
        result = _send(otp_code, otp_code.expires_at - counted_at)
    except DeliveryError as error:
        _record_failure(otp_code, phone_number, error)
        if isinstance(error, NotDelivered):
            _refund(phone_number, counted_at)
        raise
    _record(
        otp_code,
        delivery_state=DeliveryState.SENT,
        delivery_error="",
        message_id=result.message_id[:128],
        sent_at=timezone.now(),
    )
    logger.info("Sent code %s to %s by %r.", otp_code.id, phone_number, otp_code.backend)
    _signal(code_sent, otp_code, phone_number)


def withhold(otp_code: OTPCode, phone_number: PhoneNumber) -> None:
    """Record that a code was not sent, because it would be of no use to this number."""
    _record(otp_code, delivery_state=DeliveryState.WITHHELD)
    logger.info("Withheld code %s from %s.", otp_code.id, phone_number)


def code_of(otp_code: OTPCode) -> str | None:
    """Return the digits of a row, or ``None`` where the key that made them is gone."""
    for key in secret_keys():
        if codes.fingerprint(key) == otp_code.key_id:
            return codes.derive_code(
                key,
                seed=otp_code.seed,
                phone_number=otp_code.phone_number,
                purpose=otp_code.purpose,
                context=otp_code.context,
                length=otp_code.code_length,
            )
    return None


@sensitive_variables("code", "message")
def _send(otp_code: OTPCode, valid_for: timedelta) -> SendResult:
    code = code_of(otp_code)
    if code is None:
        raise NotDelivered("The key of this code is gone.", error_code="key-gone")
    backend = get_backend(otp_code.backend)
    message = SMSMessage(
        to=otp_code.phone_number,
        body=compose(code, valid_for=valid_for),
        code=code,
        purpose=otp_code.purpose,
        request_id=otp_code.id,
        valid_for=valid_for,
    )
    try:
        return backend.send(message)
    except DeliveryError:
        raise
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the message.
        frames = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
    logger.error("Backend %r failed with %s:\n%s", otp_code.backend, name, frames)
    # Raised out here, it does not carry the foreign error as its context.
    raise DeliveryUnknown(f"The backend failed with {name}.", error_code=name)


def _record_failure(otp_code: OTPCode, phone_number: PhoneNumber, error: DeliveryError) -> None:
    unknown = isinstance(error, DeliveryUnknown)
    _record(
        otp_code,
        delivery_state=DeliveryState.UNKNOWN if unknown else DeliveryState.FAILED,
        delivery_error=error.error_code[:64],
    )
    logger.log(
        _level(error),
        "Code %s to %s by %r: %s",
        otp_code.id,
        phone_number,
        otp_code.backend,
        error,
    )
    _signal(delivery_failed, otp_code, phone_number, error=error)


def _level(error: DeliveryError) -> int:
    if isinstance(error, DeliveryRefused | NotDelivered) and error.needs_attention:
        return logging.ERROR
    if isinstance(error, DeliveryRefused):
        return logging.INFO
    return logging.ERROR if isinstance(error, DeliveryBlocked) else logging.WARNING


def _record(otp_code: OTPCode, **values: Any) -> None:
    # Of a message that was sent again meanwhile, the later one has the word.
    rows = OTPCode.objects.using(database_alias())
    rows.filter(pk=otp_code.pk, claimed_at=otp_code.claimed_at).update(**values)
    for name, value in values.items():
        setattr(otp_code, name, value)


def _refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    def give_back(row: NumberRow) -> None:
        with row.replaced_by(row.state.without_send(counted_at)):
            pass

    in_rounds(phone_number.e164, give_back)


def _signal(signal: Any, otp_code: OTPCode, phone_number: PhoneNumber, **extra: Any) -> None:
    signal.send_robust(
        OTPCode, otp_code=otp_code, phone_number=phone_number, purpose=otp_code.purpose, **extra
    )
