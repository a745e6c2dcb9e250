"""Counts events by hour and region. Any number of refusals makes one row."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import Error, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from ..db import database_alias, error_name, retry_lost_races
from ..logs import log_fields
from ..models import HourlyCount

__all__ = ["count", "start_of_hour"]

logger = logging.getLogger("django_sms_otp")


def count(event: str, region: str = "") -> bool:
    """Count an event. Return whether it is the first of its kind in this hour.

    An error of the database is logged, and no more: the message may have left already.
    """
    hour = start_of_hour(timezone.now())
    try:
        return retry_lost_races(lambda: _increment(event, region, hour))
    except Error as error:
        name = error_name(error)
        extra = log_fields("not_counted", region=region, error_code=name)
        logger.error("The event %s was not counted: %s.", event, name, extra=extra)
        return False


def start_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _increment(event: str, region: str, hour: datetime) -> bool:
    alias = database_alias()
    rows = HourlyCount.objects.using(alias).filter(event=event, region=region, hour=hour)
    if rows.update(count=F("count") + 1):
        return False
    try:
        with transaction.atomic(alias):
            rows.create(event=event, region=region, hour=hour, count=1)
    except IntegrityError:
        rows.update(count=F("count") + 1)
        return False
    return True
