"""Writes down what became of a message, and gives back what it did not use."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..compiled import Statement
from ..events import event
from ..models import OTPCode
from ..phone import PhoneNumber
from ..plans import statement_cursor
from ..rounds import in_rounds
from ..statements import ASYNCHRONOUSLY, record_delivery, record_delivery_and_supersede
from ..transactions import database_alias, retry_lost_races

__all__ = ["OUTAGES", "record", "refund"]

logger = logging.getLogger("django_sms_otp")

OUTAGES = (OperationalError, InterfaceError)


def record(otp_code: OTPCode, superseded: OTPCode | None, **values: Any) -> None:
    """Write ``values`` into a code's row, if the message is still the latest one.

    :param superseded: the code that this one replaces, if that is yet to be marked.
    """
    for name, value in values.items():
        setattr(otp_code, name, value)
    try:
        _write(otp_code, superseded, values)
    except OUTAGES as error:
        # What the person must know is whether a message comes, and that is settled.
        name = type(error.__cause__ or error).__name__
        said = event("delivery_not_recorded", otp_code=otp_code, error_code=name)
        text = "The delivery of code %s was not recorded: %s."
        logger.error(text, otp_code.id, name, extra=said)


def refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    """Give a number its cooldown and quota back, for a message that has not left."""
    in_rounds(phone_number.e164, lambda row: row.replace(row.state.without_send(counted_at)))


def _write(otp_code: OTPCode, superseded: OTPCode | None, values: dict[str, Any]) -> None:
    alias = database_alias()
    state = str(values["delivery_state"])
    bound = {"id": otp_code.pk, "claimed_at": otp_code.claimed_at, **values}
    statement = record_delivery
    if superseded is not None and superseded.is_live(otp_code.created_at):
        statement = record_delivery_and_supersede
        bound |= {"superseded": superseded.pk, "superseded_at": otp_code.created_at}

    def execute() -> None:
        with statement_cursor(connections[alias]) as cursor:
            _unhurried(statement, cursor.db).execute(cursor, state, *values, **bound)

    try:
        retry_lost_races(execute, alias)
    except OUTAGES:
        # Databases close connections that are idle for as long as a gateway may take.
        connections[alias].close_if_unusable_or_obsolete()
        execute()


def _unhurried(statement: Statement, connection: BaseDatabaseWrapper) -> Statement:
    """Return what does the same without a wait for the disk, where there is such a thing.

    A server that crashes in the next moment may then have lost what became of the message: as
    if we had crashed after we sent it. What decides anything was on the disk before.
    """
    # A transaction of somebody else's is not ours to commit in that way.
    is_by_itself = connection.autocommit
    if connection.vendor == "postgresql" and is_by_itself:
        return ASYNCHRONOUSLY[statement]
    return statement
