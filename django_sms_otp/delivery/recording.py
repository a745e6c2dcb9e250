"""Records the result of a delivery, and gives back the quota of an unsent message."""

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
        # The message has left or has failed. The caller must learn that in any case.
        name = type(error.__cause__ or error).__name__
        extra = log_fields("delivery_not_recorded", otp_code=otp_code, error_code=name)
        text = "The delivery of code %s was not recorded: %s."
        logger.error(text, otp_code.id, name, extra=extra)


def refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    """Give a number the cooldown and quota of an unsent message back."""
    change_number(
        phone_number.e164, lambda row: row.replace(row.state.without_send(counted_at))
    )


def _store(otp_code: OTPCode) -> None:
    try:
        store_delivery(otp_code)
    except OUTAGES:
        # The database may have closed the connection while the gateway was slow.
        connections[database_alias()].close_if_unusable_or_obsolete()
        store_delivery(otp_code)
