"""On PostgreSQL: locks and writes as one statement, which is a transaction by itself.

It saves the messages that begin and commit a transaction, and no lock waits for this process
to run again: on a busy machine that is most of the time for which a lock is held.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .statements import INSERT_LIMIT, Change, Insertion, Statement
from .writes import LostRace, Write

__all__ = ["can_write_at_once", "write_at_once"]

PARAMETER = re.compile(r"%\((\w+)\)s")

MOST_KEPT = 64
"""Statements: one for each sequence of writes that occurs."""


def can_write_at_once(connection: BaseDatabaseWrapper, writes: Sequence[Write]) -> bool:
    """Tell whether one statement can do all of these writes."""
    return (
        connection.vendor == "postgresql"
        and not connection.in_atomic_block
        and connection.get_autocommit()
        # A stricter level is lowered for each transaction, which needs a statement before.
        and connection.settings_dict["OPTIONS"].get("isolation_level") is None
        # If two requests insert one row, the second fails. Its error does not tell which row.
        and all(each.statement is not INSERT_LIMIT for each in writes)
    )


def write_at_once(cursor: CursorWrapper, writes: Sequence[Write]) -> None:
    """Run writes as one statement outside any transaction.

    :raises LostRace: a row is no longer as it was read; nothing was written.
    """
    statement = _joined(tuple((each.statement, each.is_condition) for each in writes))
    values = {
        f"{name}_{number}": value
        for number, each in enumerate(writes)
        for name, value in each.values.items()
    }
    statement.execute(cursor, values)
    if not cursor.fetchone()[0]:
        raise LostRace


@lru_cache(maxsize=MOST_KEPT)
def _joined(writes: tuple[tuple[Change | Insertion, bool], ...]) -> Statement:
    """Lock the rows in order, each only if the one before was as expected; write if all were.

    A row that another transaction has locked is looked at again once it is free (PostgreSQL,
    "13.2.1. Read Committed Isolation Level").
    """
    locks: list[str] = []
    for number, (write, is_condition) in enumerate(writes):
        if isinstance(write, Change) and is_condition:
            found = f"SELECT 1 FROM {write.table} WHERE {_numbered(write.condition, number)}"
            after = f" AND EXISTS (SELECT 1 FROM row{len(locks) - 1})" if locks else ""
            locks.append(f"row{len(locks)} AS MATERIALIZED ({found}{after} FOR NO KEY UPDATE)")
    last = f"row{len(locks) - 1}"
    done = [
        f"write{number} AS ({_guarded(write, number, last)})"
        for number, (write, _) in enumerate(writes)
    ]
    fields = {
        f"{name}_{number}": each
        for number, (write, _) in enumerate(writes)
        for name, each in write.fields.items()
    }
    return Statement(f"WITH {', '.join([*locks, *done])} SELECT count(*) FROM {last}", fields)


def _guarded(write: Change | Insertion, number: int, last: str) -> str:
    guard = f"EXISTS (SELECT 1 FROM {last})"
    if isinstance(write, Insertion):
        sql = f"INSERT INTO {write.table} ({write.columns}) SELECT {write.parameters}"
        return _numbered(f"{sql} WHERE {guard}", number)
    sql = f"UPDATE {write.table} SET {write.assignments} WHERE {write.condition}"
    return _numbered(f"{sql} AND {guard}", number)


def _numbered(sql: str, number: int) -> str:
    """Give the parameters of one write names of their own."""
    return PARAMETER.sub(rf"%(\1_{number})s", sql)
