"""Writes down what became of a message, and gives back what it did not use."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import InterfaceError, NotSupportedError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..db.compiled import Statement
from ..db.drivers import may_commit_asynchronously
from ..db.plans import statement_cursor
from ..db.rounds import in_rounds
from ..db.statements import (
    record_delivery,
    record_delivery_and_supersede,
    record_delivery_asynchronously,
)
from ..db.transactions import database_alias, retry_lost_races
from ..logs import log_fields
from ..models import OTPCode
from ..phone import PhoneNumber

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
        extra = log_fields("delivery_not_recorded", otp_code=otp_code, error_code=name)
        text = "The delivery of code %s was not recorded: %s."
        logger.error(text, otp_code.id, name, extra=extra)


def refund(phone_number: PhoneNumber, counted_at: datetime) -> None:
    """Give a number its cooldown and quota back, for a message that has not left."""
    in_rounds(phone_number.e164, lambda row: row.replace(row.state.without_send(counted_at)))


def _write(otp_code: OTPCode, superseded: OTPCode | None, values: dict[str, Any]) -> None:
    alias = database_alias()
    state = str(values["delivery_state"])
    bound = {"id": otp_code.pk, "claimed_at": otp_code.claimed_at, **values}
    if superseded is not None and not superseded.is_live(otp_code.created_at):
        superseded = None
    if superseded is not None:
        bound |= {"superseded": superseded.pk, "superseded_at": otp_code.created_at}

    def execute() -> None:
        with statement_cursor(connections[alias]) as cursor:
            statement = _statement(cursor.db, marks=superseded is not None)
            statement.execute(cursor, state, *values, **bound)

    try:
        retry_lost_races(execute, alias)
    except OUTAGES:
        # Databases close connections that are idle for as long as a gateway may take.
        connections[alias].close_if_unusable_or_obsolete()
        execute()
    except NotSupportedError:
        if alias in _refusing:
            raise
        _refusing.add(alias)
        execute()


def _statement(connection: BaseDatabaseWrapper, *, marks: bool) -> Statement:
    if marks:
        return record_delivery_and_supersede
    if connection.alias not in _refusing and may_commit_asynchronously(connection):
        # A server that crashes in the next moment may have lost what became of the message: as
        # if we had crashed after we sent it.
        return record_delivery_asynchronously
    return record_delivery


_refusing: set[str] = set()
"""Databases that speak as PostgreSQL does, and let nobody choose how to commit."""
