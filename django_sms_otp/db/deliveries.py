"""What became of a message, written into its code's row."""

from __future__ import annotations

from django.db import connections

from ..models import DeliveryState, OTPCode
from .statements import record_delivery
from .transactions import database_alias, retry_lost_races

__all__ = ["store_delivery"]

WRITTEN = ("claimed_at", "backend", "delivery_state", "delivery_error", "message_id", "sent_at")


def store_delivery(otp_code: OTPCode) -> None:
    """Write a message's fate, as the code's attributes have it, if the message is still the
    code's latest one."""
    statement = record_delivery(DeliveryState(otp_code.delivery_state))
    values = {"id": otp_code.pk, **{name: getattr(otp_code, name) for name in WRITTEN}}

    def write() -> None:
        with connections[database_alias()].cursor() as cursor:
            statement.execute(cursor, values)

    retry_lost_races(write)
