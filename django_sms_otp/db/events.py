"""Counts an event in the row of its hour, in one statement where the database can."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, connections, transaction
from django.db.models import F

from ..models import HourlyCount
from .transactions import database_alias, retry_lost_races

__all__ = ["count_event"]


def count_event(event: str, region: str, hour: datetime) -> bool:
    """Count an event. Return whether it is the first of its hour and region.

    A refused request counts itself, and may come in floods. So it is to cost little, the first
    of an hour too.
    """
    alias = database_alias(HourlyCount)
    features = connections[alias].features
    count = _insert_or_add if features.can_return_columns_from_insert else _add_or_insert
    return retry_lost_races(lambda: count(alias, event, region, hour))


def _insert_or_add(alias: str, event: str, region: str, hour: datetime) -> bool:
    connection = connections[alias]
    table = HourlyCount._meta.db_table
    add = (
        "ON DUPLICATE KEY UPDATE"
        if connection.vendor == "mysql"
        else "ON CONFLICT (event, region, hour, backend) DO UPDATE SET"
    )
    sql = (
        f"INSERT INTO {table} (event, region, hour, backend, count)"
        f" VALUES (%s, %s, %s, '', 1) {add} count = {table}.count + 1"
        " RETURNING count"
    )
    at = connection.ops.adapt_datetimefield_value(hour)
    with connection.cursor() as cursor:
        cursor.execute(sql, [event, region, at])
        return bool(cursor.fetchone()[0] == 1)


def _add_or_insert(alias: str, event: str, region: str, hour: datetime) -> bool:
    """Do the same in two statements: MySQL returns nothing of an inserted row."""
    key = {"event": event, "region": region, "hour": hour, "backend": ""}
    rows = HourlyCount.objects.using(alias).filter(**key)
    if rows.update(count=F("count") + 1):
        return False
    try:
        with transaction.atomic(alias):
            rows.create(**key, count=1)
    except IntegrityError:
        rows.update(count=F("count") + 1)
        return False
    return True
