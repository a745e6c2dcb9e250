"""Statements that PostgreSQL plans once a connection, and not each time anew.

To plan a statement of ours takes PostgreSQL longer than to run it. Whether a connection may
keep plans is for the site to say, by psycopg's ``prepare_threshold`` among the ``OPTIONS`` of
its database. Django turns that off, for the sake of poolers that hand each transaction to
another connection of theirs. psycopg keeps the plans of statements whose values the server
binds, and Django has the client bind them: so ours go by a cursor of their own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import django
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .drivers import hasten_timestamps, timestamp_loader

__all__ = ["UNUSABLE", "has_plans", "statement_cursor", "with_names"]

KEPT = "_django_sms_otp_cursor"
"""The attribute of a connection of Django's that holds its cursor for our statements. Not of
psycopg's: the two would hold each other, and wait for the garbage collector."""

WAYS = ("cursor", "_cursor", "create_cursor", "_prepare_cursor", "make_cursor")
"""The methods by which Django makes a cursor, and that others put theirs in the place of."""

DJANGO = f"{Path(django.__file__).parent}{os.sep}"

_methods = attrgetter(*WAYS)

UNUSABLE = frozenset({"0A000", "26000", "42P05"})
"""feature_not_supported ("cached plan must not change result type": a table was altered),
invalid_sql_statement_name, duplicate_prepared_statement (PostgreSQL, appendix A): somebody else
has a hand in the plans of a connection."""


class _Kept(NamedTuple):
    """
    :param ways: how cursors were made as this one was; ``None``: not by Django alone.
    """

    cursor: Any
    ways: tuple[Any, ...] | None


def statement_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """Return a cursor for our statements: it has them planned as it first runs them, if it may.

    Else it is one of Django's.
    """
    if kept := _kept_cursor(connection):
        return kept
    # Django looks then whether the connection is healthy and this thread's, and backends of
    # others which schema it is to see.
    cursor = connection.cursor()
    if _may_keep_plans(cursor):
        return _planning_cursor(cursor.db)
    hasten_timestamps(cursor)
    return cursor


def has_plans(cursor: CursorWrapper) -> bool:
    """Tell whether what this cursor runs is planned once. It takes one statement at a time, and
    its values by their names."""
    return getattr(cursor.cursor, "has_plans", False)


def with_names(sql: str, names: Sequence[str], constants: Sequence[Any], cursor: Any) -> str:
    """Return a statement whose values have names; a value that stands in several places is sent
    once.

    :param sql: with ``%s`` in the place of each value.
    :param names: of the values; empty: it is the next constant.
    """
    left = iter(constants)
    places = [
        f"%({name})s" if name else cursor.mogrify("%s", [next(left)]).replace("%", "%%")
        for name in names
    ]
    pieces = sql.split("%s")
    return "".join(piece + place for piece, place in zip(pieces, [*places, ""], strict=True))


def _may_keep_plans(cursor: CursorWrapper) -> bool:
    """Tell whether the site lets this connection keep plans, and nothing would miss what does
    not go by a cursor of Django's."""
    return (
        getattr(cursor.db.connection, "prepare_threshold", None) is not None
        # Another one traces or logs statements, or has psycopg keep all plans by itself.
        and type(cursor) is CursorWrapper
        and type(cursor.cursor) is _cursor_of_django()
        # One of the site's may put statements before ours, and only one can be planned.
        and not cursor.db.execute_wrappers
        # Another thread's statement may come between ours and its rows.
        and not cursor.db.allow_thread_sharing
    )


def _kept_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper | None:
    """Return the cursor of the statement before, if Django would only make one for us to look
    at that is like the one before; which takes longer than all that is done here."""
    kept: _Kept | None = vars(connection).get(KEPT)
    if kept is None:
        return None
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    if (
        # Inside of a transaction a connection that was closed stays. Django says so.
        kept.cursor.connection.closed
        or kept.ways != _ways(connection)
        or not vars(connection).keys().isdisjoint(WAYS)
        or connection.queries_logged
        or connection.execute_wrappers
        or connection.allow_thread_sharing
    ):
        return None
    cursor = connection.make_cursor(kept.cursor)
    return cursor if type(cursor) is CursorWrapper else None


def _planning_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    kept: _Kept | None = getattr(connection, KEPT, None)
    driver = connection.connection
    cursor = kept.cursor if kept and kept.cursor.connection is driver else None
    if cursor is None:
        cursor = _planning_cursor_class()(driver)
    # Somebody's own way may do more than make a cursor, each time.
    is_djangos = all(map(_is_djangos, _methods(type(connection))))
    setattr(connection, KEPT, _Kept(cursor, _ways(connection) if is_djangos else None))
    return connection.make_cursor(cursor)


def _is_djangos(method: Any) -> bool:
    """Tell by where it is written: what wraps a method takes on its name and module."""
    code = getattr(method, "__code__", None)
    return isinstance(code, CodeType) and code.co_filename.startswith(DJANGO)


def _ways(connection: BaseDatabaseWrapper) -> tuple[Any, ...]:
    """Return all that decides what a new cursor is."""
    driver = connection.connection
    drivers = (type(driver).cursor, vars(driver).get("cursor"), driver.cursor_factory)
    return (driver, driver.prepare_threshold, *drivers, *_methods(type(connection)))


@cache
def _planning_cursor_class() -> Any:
    import psycopg
    from psycopg.rows import tuple_row

    class PlanningCursor(psycopg.Cursor[Any]):
        """One for all statements of a connection: each is read to its end before the next. To
        make one and to set it up takes longer than to send what it is made for."""

        has_plans = True

        def __init__(self, connection: psycopg.Connection[Any]) -> None:
            super().__init__(connection, row_factory=tuple_row)
            self.adapters.register_loader(*timestamp_loader())

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            # At once: of texts that it has not prepared, psycopg counts the last hundred, and
            # counts the site's, too.
            return super().execute(query, params, **{**options, "prepare": True})

        def close(self) -> None:
            """Leave it open for the next statement."""

    return PlanningCursor


@cache
def _cursor_of_django() -> Any:
    from django.db.backends.postgresql import base

    return base.Cursor
