"""Statements that PostgreSQL plans once a connection, and not each time anew.

To plan a statement of ours takes PostgreSQL longer than to run it. Whether a connection may
keep plans is for the site to say, by psycopg's ``prepare_threshold`` among the ``OPTIONS`` of
its database. Django turns that off, for the sake of poolers that hand each transaction to
another connection of theirs. psycopg keeps the plans of statements whose values the server
binds, and Django has the client bind them: so ours go by a cursor of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .drivers import hasten_timestamps, timestamp_loader

__all__ = ["UNUSABLE", "has_plans", "statement_cursor", "with_names"]

KEPT = "_django_sms_otp_cursor"
"""The attribute of a connection of Django's that holds its cursor for our statements. Not of
psycopg's: the two would hold each other, and wait for the garbage collector."""

UNUSABLE = frozenset({"0A000", "26000", "42P05"})
"""feature_not_supported ("cached plan must not change result type": a table was altered),
invalid_sql_statement_name, duplicate_prepared_statement (PostgreSQL, appendix A): somebody else
has a hand in the plans of a connection."""


def statement_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """Return a cursor for our statements: it has them planned as it first runs them, if it may.

    Else it is one of Django's.
    """
    # In any case: Django looks then whether the connection is healthy and this thread's, and
    # backends of others which schema it is to see.
    cursor = connection.cursor()
    if _may_keep_plans(cursor):
        return _planning_cursor(connection)
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


def _planning_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    kept = getattr(connection, KEPT, None)
    if kept is None or kept.connection is not connection.connection:
        kept = _planning_cursor_class()(connection.connection)
        setattr(connection, KEPT, kept)
    return connection.make_cursor(kept)


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
