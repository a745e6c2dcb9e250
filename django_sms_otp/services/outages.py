"""Logs what a request met in the database."""

from __future__ import annotations

import logging
import traceback

from ..db import error_name
from ..exceptions import Contention
from ..logs import log_fields

__all__ = ["log_contention", "log_outage"]

logger = logging.getLogger("django_sms_otp")


def log_outage(error: Exception) -> None:
    """Log the class and the place of an error. Its text may hold values of a row."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = error_name(error)
    extra = log_fields("database_outage", error_code=name)
    logger.error("The database failed with %s:\n%s", name, frames, extra=extra)


def log_contention(error: Contention) -> None:
    """Log what the last attempt lost to: other requests, or an error that keeps coming."""
    name = error_name(error)
    extra = log_fields("contention", error_code=name)
    logger.warning("Every attempt at a number's rows was lost, last by %s.", name, extra=extra)
