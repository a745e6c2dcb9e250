"""Writes down what became of a message, and gives back what it did not use."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connections

from ..db import change_number, database_alias, store_delivery
from ..logs import log_fields
from ..models import OTPCode
from ..phone import PhoneNumber

__all__ = ["OUTAGES", "record", "refund"]

logger = logging.getLogger("django_sms_otp")

OUTAGES = (OperationalError, InterfaceError)


def record(otp_code: OTPCode, **values: Any) -> None:
    """Write ``values`` into a code's row, if the message is still the latest one."""
    for name, value in values.items():
        setattr(otp_code, name, value)
    try:
        _store(otp_code)
    except OUTAGES as error:
        # The person must know whether a message comes, and that is settled.
        name = type(error.__cause__ or error).__name__
        extra = log_fields("delivery_not_recorded", otp_code=otp_code, error_code=name)
        text = "The delivery of code %s was not recorded: %s."
        logger.error(text, otp_code.id, name, extra=extra)


def refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    """Give a number its cooldown and quota back, for a message that has not left."""
    change_number(
        phone_number.e164, lambda row: row.replace(row.state.without_send(counted_at))
    )


def _store(otp_code: OTPCode) -> None:
    try:
        store_delivery(otp_code)
    except OUTAGES:
        # Databases close connections that are idle for as long as a gateway may take.
        connections[database_alias()].close_if_unusable_or_obsolete()
        store_delivery(otp_code)
