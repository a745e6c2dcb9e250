"""PostgreSQL takes the locks and does the writes in one statement, which is a transaction.

That saves the round trips of ``BEGIN`` and ``COMMIT``. It also shortens the locks: on a busy
machine a lock is held mostly while the process waits to run again between two statements.
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

MOST_KEPT_STATEMENTS = 64
"""There are fewer different sequences of writes."""


def can_write_at_once(connection: BaseDatabaseWrapper, writes: Sequence[Write]) -> bool:
    """Return whether one statement can do all of these writes."""
    return (
        connection.vendor == "postgresql"
        and not connection.in_atomic_block
        and connection.get_autocommit()
        # A stricter level is lowered at the start of each transaction, by another statement.
        and connection.settings_dict["OPTIONS"].get("isolation_level") is None
        # The insertion may lose a race and fail. Then the error would not tell which of the
        # writes has failed.
        and all(each.statement is not INSERT_LIMIT for each in writes)
    )


def write_at_once(cursor: CursorWrapper, writes: Sequence[Write]) -> None:
    """Run writes as one statement outside any transaction.

    :raises LostRace: another request has changed a row. Nothing was written.
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


@lru_cache(maxsize=MOST_KEPT_STATEMENTS)
def _joined(writes: tuple[tuple[Change | Insertion, bool], ...]) -> Statement:
    """Join writes to one statement.

    It locks the rows in order, each only if the row before was as expected. It writes only if
    all rows were. If another transaction holds a row, PostgreSQL waits and then checks the
    condition again ("13.2.1. Read Committed Isolation Level").
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
        sql = f"INSERT INTO {write.table} ({write.columns}) SELECT {write.values}"
        return _numbered(f"{sql} WHERE {guard}", number)
    sql = f"UPDATE {write.table} SET {write.assignments} WHERE {write.condition}"
    return _numbered(f"{sql} AND {guard}", number)


def _numbered(sql: str, number: int) -> str:
    """Give the parameters of one write names of their own."""
    return PARAMETER.sub(rf"%(\1_{number})s", sql)
