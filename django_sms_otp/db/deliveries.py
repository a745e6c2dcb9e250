"""Writes the result of a delivery into the code's row."""

from __future__ import annotations

from django.db import connections

from ..models import DeliveryState, OTPCode
from .statements import record_delivery
from .transactions import database_alias, retry_lost_races

__all__ = ["store_delivery"]

DELIVERY_COLUMNS = (
    "claimed_at",
    "backend",
    "delivery_state",
    "delivery_error",
    "message_id",
    "sent_at",
)


def store_delivery(otp_code: OTPCode) -> None:
    """Write the delivery columns of a code, if its message is still the latest one."""
    statement = record_delivery(DeliveryState(otp_code.delivery_state))
    values = {"id": otp_code.pk, **{name: getattr(otp_code, name) for name in DELIVERY_COLUMNS}}

    def write() -> None:
        with connections[database_alias()].cursor() as cursor:
            statement.execute(cursor, values)

    retry_lost_races(write)
