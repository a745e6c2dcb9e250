"""Database outages, as opposed to wrong statements."""

from __future__ import annotations

import logging
import traceback

from django.db import InterfaceError, OperationalError

from ..logs import log_fields

__all__ = ["is_outage", "log_outage"]

logger = logging.getLogger("django_sms_otp")

SQLITE_ERROR = 1
"""The code of a wrong statement, such as one on a missing table."""


def is_outage(error: Exception) -> bool:
    """Tell whether the database could not be reached, or did not answer."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return getattr(error.__cause__, "sqlite_errorcode", None) != SQLITE_ERROR


def log_outage(error: Exception) -> None:
    """Log the class and the place of an error. Its text may hold values of a row."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = _name(error)
    extra = log_fields("database_outage", error_code=name)
    logger.error("The database failed with %s:\n%s", name, frames, extra=extra)


def _name(error: Exception) -> str:
    cause = error.__cause__ or error
    known_as = (
        getattr(cause, "sqlstate", None)
        or getattr(cause, "sqlite_errorname", None)
        or next((part for part in cause.args if isinstance(part, int)), None)
    )
    return f"{type(cause).__name__} {known_as}" if known_as else type(cause).__name__
