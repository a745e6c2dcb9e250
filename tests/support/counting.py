"""What counts as a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

__all__ = ["statements_made"]

FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
"""Of a transaction: not counted."""


@contextmanager
def statements_made() -> Iterator[list[str]]:
    """Collect the statements of the body, each by itself, however many are sent together."""
    made: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        # Values are not in it.
        made.extend(each for each in sql.split("; ") if not each.startswith(FRAME))
        return execute(sql, *rest)

    # A connection says some things of its own when it is made.
    connection.ensure_connection()
    with connection.execute_wrapper(note):
        yield made
