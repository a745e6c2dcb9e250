"""Sends or withholds a claimed message, and records the result."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from django.db import Error, connections
from django.dispatch import Signal
from django.utils import timezone

from ..backends import hand_over
from ..controls import note_fraud
from ..db import NumberRow, change_number, database_alias, error_name, store_delivery
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryUnknown,
    NotDelivered,
)
from ..logs import log_fields, short_id
from ..models import DeliveryState, OTPCode
from ..signals import code_sent, delivery_failed
from .composing import message_of

__all__ = ["deliver", "give_up", "refund", "send", "withhold"]

logger = logging.getLogger("django_sms_otp")


def deliver(otp_code: OTPCode) -> None:
    """Send a code, and record the result.

    If the message was not sent, the number gets its cooldown and quota back.

    :raises DeliveryError: the message was not sent, or the result is unknown.
    """
    try:
        send(otp_code)
    except DeliveryError as error:
        give_up(otp_code, error)
        if isinstance(error, NotDelivered):
            refund(otp_code)
        raise


def send(otp_code: OTPCode) -> None:
    """Send a code, and record that it was sent.

    :raises DeliveryError: the message was not sent, or the result is unknown. The error is not
        recorded: see :func:`give_up`.
    """
    result = hand_over(message_of(otp_code), otp_code.backend)
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
    logger.info(text, short_id(otp_code.id), otp_code.number, otp_code.backend, extra=extra)
    _send_signal(code_sent, otp_code, latency=result.latency)


def give_up(otp_code: OTPCode, error: DeliveryError) -> None:
    """Record that a message was not sent, or that the result is unknown."""
    unknown = isinstance(error, DeliveryUnknown)
    record(
        otp_code,
        backend=error.alias or otp_code.backend,
        delivery_state=DeliveryState.UNKNOWN if unknown else DeliveryState.FAILED,
        delivery_error=_storable(error.error_code, 64),
    )
    logger.log(
        error.log_level,
        "Code %s to %s by %r: %s %s",
        *(short_id(otp_code.id), otp_code.number, otp_code.backend, error, error.verdict),
        extra=log_fields(
            "delivery_failed",
            otp_code=otp_code,
            outcome=error.outcome,
            error_code=error.error_code,
            latency=error.latency,
        ),
    )
    _send_signal(delivery_failed, otp_code, error=error, latency=error.latency)
    if isinstance(error, DeliveryBlocked):
        note_fraud(otp_code.number)


def withhold(otp_code: OTPCode) -> None:
    """Record that a control withholds a code.

    This composes the message and writes the same columns as a send. So the time of the answer
    does not tell that the message was withheld.
    """
    with suppress(NotDelivered):
        message_of(otp_code)
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
    name = short_id(otp_code.id)
    logger.info("Withheld code %s from %s.", name, otp_code.number, extra=extra)


def refund(otp_code: OTPCode) -> None:
    """Give a number the cooldown and quota of an unsent message back."""
    counted_at = otp_code.counted_at
    if counted_at is None:
        return

    def give_back(row: NumberRow) -> None:
        if not row.is_new:  # The number may have been erased meanwhile.
            row.replace(row.state.without_send(counted_at))

    change_number(otp_code.number.e164, give_back)


def record(otp_code: OTPCode, **values: Any) -> None:
    """Write ``values`` into a code's row, if the message is still the latest one."""
    for name, value in values.items():
        setattr(otp_code, name, value)
    try:
        _store(otp_code)
    except Error as error:
        # The message has left or has failed. The caller must learn that in any case.
        name = error_name(error)
        extra = log_fields("delivery_not_recorded", otp_code=otp_code, error_code=name)
        text = "The delivery of code %s was not recorded: %s."
        logger.error(text, short_id(otp_code.id), name, extra=extra)


def _store(otp_code: OTPCode) -> None:
    try:
        store_delivery(otp_code)
    except Error:
        # The database may have closed the connection while the gateway was slow.
        connections[database_alias()].close_if_unusable_or_obsolete()
        store_delivery(otp_code)


def _storable(text: str, length: int) -> str:
    """Return the part of a gateway's text that fits a column.

    PostgreSQL refuses NUL and surrogates.
    """
    return "".join(char for char in text if char.isprintable())[:length]


def _send_signal(signal: Signal, otp_code: OTPCode, **extra: Any) -> None:
    common = {"phone_number": otp_code.number, "purpose": otp_code.purpose}
    signal.send_robust(OTPCode, otp_code=otp_code, **common, **extra)
