"""Writes that belong to one transaction, and how they get to the database.

PostgreSQL is sent all of them at once. Each would wait for the answer to the one before it
otherwise, with the number's row locked; and of what a login takes, waiting for answers is the
larger part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .compiled import Statement
from .drivers import takes_several
from .models import Limit
from .statements import insert_limit

__all__ = ["LostRound", "Write", "send"]


class LostRound(Exception):
    """Another request changed what this one had read."""


class Write(NamedTuple):
    """
    :param is_condition: a round is lost where this matches no row.
    """

    statement: Statement
    values: Mapping[str, Any]
    shape: Sequence[str] = ()
    is_condition: bool = True


def send(cursor: CursorWrapper, writes: Sequence[Write]) -> list[int]:
    """Run writes inside a transaction, in their order; return how many rows each matched.

    :raises LostRound: a row is no longer as it was read: the transaction is to be rolled back.
    """
    found = []
    run = _at_once if takes_several(cursor.db) else _one_by_one
    for write, matched in zip(writes, run(cursor, writes), strict=True):
        if write.is_condition and not matched:
            raise LostRound
        found.append(matched)
    return found


def _one_by_one(cursor: CursorWrapper, writes: Sequence[Write]) -> Iterator[int]:
    for write in writes:
        try:
            matched = write.statement.execute(cursor, *write.shape, **write.values)
        except IntegrityError as error:
            if write.statement is insert_limit:
                raise LostRound from error
            raise
        yield matched


def _at_once(cursor: CursorWrapper, writes: Sequence[Write]) -> Iterator[int]:
    begin = _beginning(cursor.db)
    texts, params = list(begin), []
    for write in writes:
        text, mine = write.statement.bound(cursor.db, *write.shape, **write.values)
        texts.append(text)
        params += mine
    try:
        cursor.execute("; ".join(texts), params)
    except IntegrityError as error:
        # Of a limits row that was made meanwhile, if it is of that table.
        if error.__cause__.diag.table_name == Limit._meta.db_table:  # type: ignore[union-attr]
            raise LostRound from error
        raise
    if begin:
        cursor.nextset()
    yield cursor.rowcount
    while cursor.nextset():
        yield cursor.rowcount


def _beginning(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what is to be sent first, if nothing was in this transaction: psycopg would send
    it by itself, and wait for the answer."""
    driver = connection.connection
    if driver.autocommit or driver.info.transaction_status:
        return []
    # It is psycopg's setting alone: Django commits, and sets it as it was.
    driver.autocommit = True
    return ["BEGIN"]
