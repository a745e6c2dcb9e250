"""What is answered where the database or the settings let no request through."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta

from ..db import error_name, is_outage
from ..exceptions import Contention, Unavailable
from ..logs import log_fields

__all__ = ["log_outage", "wait_after"]

logger = logging.getLogger("django_sms_otp")

BUSY_WAIT = timedelta(seconds=1)
OUTAGE_WAIT = timedelta(seconds=5)


def wait_after(error: Exception) -> tuple[str, timedelta] | None:
    """Log an error that goes by. Return the word of its answer, and how long to wait.

    ``None``: it does not go by, and is not logged.
    """
    if isinstance(error, Contention):
        _log_contention(error)
        return error.code, BUSY_WAIT
    if isinstance(error, Unavailable):
        return error.code, error.retry_after
    if is_outage(error):
        log_outage(error)
        return "unavailable", OUTAGE_WAIT
    return None


def log_outage(error: Exception) -> None:
    """Log the class and the place of an error. Its text may hold values of a row."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = error_name(error)
    extra = log_fields("database_outage", error_code=name)
    logger.error("The database failed with %s:\n%s", name, frames, extra=extra)


def _log_contention(error: Contention) -> None:
    """Log what the last attempt lost to: other requests, or an error that keeps coming."""
    name = error_name(error)
    extra = log_fields("contention", error_code=name)
    logger.warning("Every attempt at a number's rows was lost, last by %s.", name, extra=extra)
