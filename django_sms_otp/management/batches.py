"""Deletes many rows beside live traffic, in short transactions along an index."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.deletion import Collector

from ..db import retry_lost_races

__all__ = ["MAX_ROWS", "Deletion", "delete_in_batches"]

FIRST_ROWS = 1000
"""The size of the first batch. Each next one is larger or smaller, by the time it took."""

MIN_ROWS = 100
MAX_ROWS = 50_000
"""The default bound. With 20,000 rows, a fifth of a purge went into the overhead of batches."""

MAX_SECONDS = 0.1
"""After a batch that took longer, the next one is smaller."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which rows to delete, and how to find them.

    :param rows: the rows to delete.
    :param walk: a superset of ``rows`` that one index holds in the order of ``column``.
    """

    rows: QuerySet[Any]
    walk: QuerySet[Any]
    column: str

    def first(self) -> datetime | None:
        return self._times(self.walk)[:1].first()

    def end_of_batch(self, start: datetime, size: int) -> datetime | None:
        """Return the time before which there are ``size`` rows; ``None``: there are fewer.

        Rows of the same time stay together.
        """
        rest = self._times(self.walk.filter(**{f"{self.column}__gte": start}))
        for end in rest[size : size + 1]:
            if end > start:
                return end
            return self._times(self.walk.filter(**{f"{self.column}__gt": start})).first()
        return None

    def delete(self, start: datetime, end: datetime | None) -> int:
        # By time and not by key: a list of keys would make the database find each row twice.
        batch = self.rows.filter(**{f"{self.column}__gte": start})
        if end is not None:
            batch = batch.filter(**{f"{self.column}__lt": end})
        return retry_lost_races(lambda: _delete(batch))

    def _times(self, rows: QuerySet[Any]) -> QuerySet[Any, datetime]:
        return rows.order_by(self.column).values_list(self.column, flat=True)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows that still match at this moment: a limits row that counts again stays."""
    collector = Collector(using=rows.db, origin=rows)
    if collector.can_fast_delete(rows):
        # A single statement, which checks the condition as it deletes.
        return rows.delete()[0]
    # For a receiver of signals or a site's foreign key, Django reads the rows first and then
    # deletes them by key. Without the lock, a lockout that begins in between would be lost.
    with transaction.atomic(using=rows.db):
        collector.collect(list(rows.select_for_update()))
        return collector.delete()[1].get(rows.model._meta.label, 0)


def delete_in_batches(deletion: Deletion, max_rows: int, pause: float = 0) -> Iterator[int]:
    """Delete the rows, and yield how many each batch has deleted.

    A batch begins where the last one ended: from the start of the index, PostgreSQL would pass
    over all rows that are dead already.

    :param max_rows: at most this many in one transaction, and the rows of the same time as the
        last one.
    :param pause: seconds between two transactions.
    """
    size = min(FIRST_ROWS, max_rows)
    start = deletion.first()
    while start is not None:
        began = time.monotonic()
        end = deletion.end_of_batch(start, size)
        deleted = deletion.delete(start, end)
        took = time.monotonic() - began
        yield deleted
        if took > MAX_SECONDS:
            size = max(size // 2, min(MIN_ROWS, max_rows))
        elif took < MAX_SECONDS / 2:
            size = min(size * 2, max_rows)
        start = end
        if start is not None:
            time.sleep(pause)
