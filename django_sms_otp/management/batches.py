"""Deletes many rows beside live traffic: in short transactions, along an index."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.deletion import Collector

from ..db.transactions import retry_lost_races

__all__ = ["MOST", "Deletion", "delete_in_batches"]

FIRST = 1000
LEAST = 100
MOST = 50_000
"""Rows of a batch, if nobody says otherwise. With 20,000, what a batch takes besides its rows
was a fifth of a purge."""

LONGEST = 0.1
"""Seconds that a batch may take; the next one is smaller where it took longer."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """
    :param rows: what is deleted.
    :param walk: a superset of ``rows`` that one index holds in the order of ``column``.
    """

    rows: QuerySet[Any]
    walk: QuerySet[Any]
    column: str

    def first(self) -> datetime | None:
        return self._times(self.walk)[:1].first()

    def end_of_batch(self, start: datetime, size: int) -> datetime | None:
        """Return the time before which there are so many rows; ``None``: there are fewer.

        Rows of the same time stay together.
        """
        rest = self._times(self.walk.filter(**{f"{self.column}__gte": start}))
        for end in rest[size : size + 1]:
            if end > start:
                return end
            return self._times(self.walk.filter(**{f"{self.column}__gt": start})).first()
        return None

    def delete(self, start: datetime, end: datetime | None) -> int:
        # By the times, not by keys that were read: that would find each row once more.
        batch = self.rows.filter(**{f"{self.column}__gte": start})
        if end is not None:
            batch = batch.filter(**{f"{self.column}__lt": end})
        return retry_lost_races(lambda: _delete(batch))

    def _times(self, rows: QuerySet[Any]) -> QuerySet[Any, datetime]:
        return rows.order_by(self.column).values_list(self.column, flat=True)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete what is still so when it goes: a limits row that counts again stays."""
    collector = Collector(using=rows.db, origin=rows)
    if collector.can_fast_delete(rows):
        # One statement, which asks the condition as it deletes.
        return rows.delete()[0]
    # A receiver of signals, or a foreign key of the site's, has Django read the rows first and
    # delete them by their keys. Unlocked, a number that is locked out meanwhile would lose
    # that.
    with transaction.atomic(using=rows.db):
        collector.collect(list(rows.select_for_update()))
        return collector.delete()[1].get(rows.model._meta.label, 0)


def delete_in_batches(deletion: Deletion, most: int, pause: float = 0) -> Iterator[int]:
    """Delete the rows and yield how many each batch has deleted.

    A batch begins where the one before it ended: from the start of the index, PostgreSQL would
    pass over all that is dead already.

    :param most: rows in one transaction, and those of the same time as the last.
    :param pause: seconds between two of them.
    """
    size = min(FIRST, most)
    start = deletion.first()
    while start is not None:
        began = time.monotonic()
        end = deletion.end_of_batch(start, size)
        deleted = deletion.delete(start, end)
        took = time.monotonic() - began
        yield deleted
        if took > LONGEST:
            size = max(size // 2, min(LEAST, most))
        elif took < LONGEST / 2:
            size = min(size * 2, most)
        start = end
        if start is not None:
            time.sleep(pause)
