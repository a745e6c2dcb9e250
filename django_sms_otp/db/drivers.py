"""What the driver of a PostgreSQL can do, beyond what Django asks of every one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

__all__ = [
    "begun_by_ourselves",
    "hasten_timestamps",
    "matched",
    "may_commit_asynchronously",
    "takes_several",
    "timestamp_loader",
]


def takes_several(cursor: CursorWrapper) -> bool:
    """Tell whether the driver sends several statements at once, and has the result of each one:
    psycopg from 3.3 on, unless the server is to bind the values."""
    if not _is_psycopg3(cursor.db) or not hasattr(cursor.cursor, "set_result"):
        return False
    return not getattr(cursor.db.features, "uses_server_side_binding", True)


def may_commit_asynchronously(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a statement is a transaction by itself, of a PostgreSQL: one of somebody
    else's is not ours to commit before it is on the disk."""
    if connection.vendor != "postgresql" or not connection.autocommit:
        return False
    driver: Any = connection.connection
    # Of one that was begun behind Django's back it knows nothing.
    return not driver.info.transaction_status


@contextmanager
def begun_by_ourselves(connection: BaseDatabaseWrapper) -> Iterator[bool]:
    """Tell whether what is sent in the body is to start with ``BEGIN``: in a transaction of
    psycopg's that has had no statement yet. It would send that by itself, and wait for the
    answer. What is sent after the body finds the connection as psycopg leaves it.
    """
    driver: Any = connection.connection
    is_to_begin = (
        # Of psycopg's own, and so not there in any later version, maybe.
        getattr(driver, "_autocommit", None) is False
        and not driver.info.transaction_status
        # What psycopg begins then is another transaction than ours would be.
        and driver.read_only is None
        and driver.deferrable is None
    )
    if not is_to_begin:
        yield False
        return
    driver._autocommit = True  # noqa: SLF001
    try:
        yield True
    finally:
        driver._autocommit = False  # noqa: SLF001


def matched(cursor: CursorWrapper, count: int) -> list[int]:
    """Return how many rows each of the last statements has matched. From the end: a wrapper of
    the site's may have put statements before ours, or have gone through the results.

    :param count: of the statements; one, where the driver does not :func:`takes_several`.
    """
    if not takes_several(cursor):
        return [cursor.rowcount]
    results: Any = cursor.cursor
    return [results.set_result(number).rowcount for number in range(-count, 0)]


def hasten_timestamps(cursor: CursorWrapper) -> None:
    """Have psycopg itself read the timestamps of this cursor's rows.

    Django has it done in Python, to get each in the time zone of the connection: for the rows
    of one request that took as long as a statement does. The moments are the same.
    """
    if not _is_psycopg3(cursor.db):
        return
    # What wraps cursors to trace them may not have it.
    adapters = getattr(cursor.cursor, "adapters", None)
    if adapters is not None:
        adapters.register_loader(*timestamp_loader())


def _is_psycopg3(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql" and _has_psycopg3()


@cache
def _has_psycopg3() -> bool:
    # Needs the driver.
    from django.db.backends.postgresql import psycopg_any

    return psycopg_any.is_psycopg3


@cache
def timestamp_loader() -> tuple[int, Any]:
    """Return the type of timestamps, and what of psycopg's own reads them."""
    from psycopg import adapters, postgres
    from psycopg.pq import Format

    oid = postgres.types["timestamptz"].oid
    return oid, adapters.get_loader(oid, Format.TEXT)
