"""Counts events by hour and region. Any number of refusals makes one row."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import Error
from django.utils import timezone

from ..db import count_event, error_name
from ..logs import log_fields

__all__ = ["RETENTION", "count", "start_of_hour"]

logger = logging.getLogger("django_sms_otp")

RETENTION = timedelta(days=400)
"""How long counts are kept: a day can be compared with the same day a year ago."""


def count(event: str, region: str = "") -> bool:
    """Count an event. Return whether it is the first of its kind in this hour.

    An error of the database is logged, and no more: the message may have left already.
    """
    try:
        return count_event(event, region, start_of_hour(timezone.now()))
    except Error as error:
        name = error_name(error)
        extra = log_fields("not_counted", region=region, error_code=name)
        logger.error("The event %s was not counted: %s.", event, name, extra=extra)
        return False


def start_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
