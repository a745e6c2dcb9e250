"""Deletes many rows beside live traffic, in short transactions along an index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from ..db import retry_lost_races

__all__ = ["Deletion", "delete_in_batches"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which rows to delete, and how to find them.

    :param rows: the rows to delete.
    :param walk: a superset of ``rows`` that one index holds in the order of ``column``.
    :param column: a time. Rows of the same time are deleted together.
    """

    rows: QuerySet[Any]
    walk: QuerySet[Any]
    column: str


def delete_in_batches(deletion: Deletion, size: int) -> Iterator[int]:
    """Delete the rows, and yield how many each transaction has deleted.

    A batch begins behind the last one: from the start of the index, PostgreSQL would pass over
    all rows that are dead already.

    :param size: the number of rows to look at in one transaction.
    """
    column = deletion.column
    times = deletion.walk.order_by(column).values_list(column, flat=True)
    batch = list(times[:size])
    while batch:
        window = {f"{column}__gte": batch[0], f"{column}__lte": batch[-1]}
        rows = deletion.rows.filter(**window)
        yield retry_lost_races(partial(_delete, rows))
        batch = list(times.filter(**{f"{column}__gt": batch[-1]})[:size])


def _delete(rows: QuerySet[Any]) -> int:
    # For a receiver of signals or a site's foreign key, Django reads the rows first and then
    # deletes them by key. Without the lock, a lockout that begins in between would be lost.
    with transaction.atomic(using=rows.db):
        list(rows.select_for_update().values_list("pk"))
        return rows.delete()[1].get(rows.model._meta.label, 0)
