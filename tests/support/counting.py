"""Counts statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

__all__ = ["statements_made"]

FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
"""The frame of a transaction does not count."""


@contextmanager
def statements_made() -> Iterator[list[str]]:
    """Collect the statements of the body. Statements in one message count one by one."""
    made: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        # The text holds placeholders, no values.
        made.extend(each for each in sql.split("; ") if not each.startswith(FRAME))
        return execute(sql, *rest)

    # A new connection makes some statements of its own.
    connection.ensure_connection()
    with connection.execute_wrapper(note):
        yield made
