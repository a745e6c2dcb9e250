"""Hands a code to its gateway, after the commit, and records how that went."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connections
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
from .rounds import NumberRow, in_rounds
from .signals import code_sent, delivery_failed
from .transactions import database_alias, retry_lost_races

__all__ = ["code_of", "deliver", "withhold"]

logger = logging.getLogger("django_sms_otp")

OUTAGES = (OperationalError, InterfaceError)


def deliver(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    *,
    counted_at: datetime,
    superseded: OTPCode | None = None,
) -> None:
    """Send a code and record the result. Gives the cooldown and the number's quota back where
    nothing was sent.

    :param counted_at: when the number's row counted this message.
    :param superseded: the code that this one replaces.
    :raises DeliveryError: the message was not handed over, or nobody knows.
    """
    try:
        result = _send(otp_code, otp_code.expires_at - counted_at)
    except DeliveryError as error:
        _record_failure(otp_code, phone_number, error, superseded)
        if isinstance(error, NotDelivered):
            _refund(phone_number, counted_at)
        raise
    _record(
        otp_code,
        superseded,
        delivery_state=DeliveryState.SENT,
        delivery_error="",
        message_id=result.message_id[:128],
        sent_at=timezone.now(),
    )
    logger.info("Sent code %s to %s by %r.", otp_code.id, phone_number, otp_code.backend)
    _signal(code_sent, otp_code, phone_number)


def withhold(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    *,
    counted_at: datetime,
    superseded: OTPCode | None = None,
) -> None:
    """Record that a code was not sent: it would be of no use, or a fraud control held it.

    Does the work of a message that a queue takes, and writes the same columns: whose message
    was withheld must not show by the time that the answer takes.
    """
    _message_of(otp_code, otp_code.expires_at - counted_at)
    _record(
        otp_code,
        superseded,
        delivery_state=DeliveryState.WITHHELD,
        delivery_error="",
        message_id=otp_code.message_id,
        sent_at=otp_code.sent_at,
    )
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


@sensitive_variables("message")
def _send(otp_code: OTPCode, valid_for: timedelta) -> SendResult:
    message = _message_of(otp_code, valid_for)
    backend = get_backend(otp_code.backend)
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


@sensitive_variables("code")
def _message_of(otp_code: OTPCode, valid_for: timedelta) -> SMSMessage:
    code = code_of(otp_code)
    if code is None:
        raise NotDelivered("The key of this code is gone.", error_code="key-gone")
    return SMSMessage(
        to=otp_code.phone_number,
        body=compose(code, valid_for=valid_for),
        code=code,
        purpose=otp_code.purpose,
        request_id=otp_code.id,
        valid_for=valid_for,
    )


def _record_failure(
    otp_code: OTPCode,
    phone_number: PhoneNumber,
    error: DeliveryError,
    superseded: OTPCode | None,
) -> None:
    unknown = isinstance(error, DeliveryUnknown)
    _record(
        otp_code,
        superseded,
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


def _record(otp_code: OTPCode, superseded: OTPCode | None, **values: Any) -> None:
    for name, value in values.items():
        setattr(otp_code, name, value)
    try:
        _write(otp_code, superseded, values)
    except OUTAGES as error:
        # What the person must know is whether a message comes, and that is settled.
        name = type(error.__cause__ or error).__name__
        logger.error("The delivery of code %s was not recorded: %s.", otp_code.id, name)


def _write(otp_code: OTPCode, superseded: OTPCode | None, values: dict[str, Any]) -> None:
    alias = database_alias()
    rows = OTPCode.objects.using(alias)
    try:
        retry_lost_races(lambda: rows.record_delivery(otp_code, superseded, values))
    except OUTAGES:
        # Databases close connections that are idle for as long as a gateway may take.
        connections[alias].close_if_unusable_or_obsolete()
        rows.record_delivery(otp_code, superseded, values)


def _refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    def give_back(row: NumberRow) -> None:
        with row.replaced_by(row.state.without_send(counted_at)):
            pass

    in_rounds(phone_number.e164, give_back)


def _signal(signal: Any, otp_code: OTPCode, phone_number: PhoneNumber, **extra: Any) -> None:
    signal.send_robust(
        OTPCode, otp_code=otp_code, phone_number=phone_number, purpose=otp_code.purpose, **extra
    )
