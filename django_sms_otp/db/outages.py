"""Database errors: which of them are outages, and their names for the log.

The text of an error may hold values of a row, so it is never logged.
"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

__all__ = ["error_name", "is_outage", "sqlstate"]

SQLITE_ERROR = 1
"""The code of a wrong statement, such as one on a missing table."""

OF_THE_CONNECTION = frozenset({"25006", "25P03", "25P04", "26000", "42P05"})
"""read_only_sql_transaction (the server is a replica now), the time-outs of transactions,
invalid_sql_statement_name and duplicate_prepared_statement (a pooler has handed the session to
somebody else). psycopg counts these among wrong statements and internal errors (PostgreSQL,
appendix A)."""


def is_outage(error: Exception) -> bool:
    """Tell whether the database could not be reached, or could not serve this connection."""
    if isinstance(error, OperationalError | InterfaceError):
        return getattr(error.__cause__, "sqlite_errorcode", None) != SQLITE_ERROR
    return sqlstate(error) in OF_THE_CONNECTION


def error_name(error: BaseException) -> str:
    """Return the class of the driver's error, or whatever caused the error first, with its
    code if there is one."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    code = (
        getattr(cause, "sqlstate", None)
        or getattr(cause, "sqlite_errorname", None)
        or next((part for part in cause.args if isinstance(part, int)), None)
    )
    return f"{type(cause).__name__} {code}" if code else type(cause).__name__


def sqlstate(error: BaseException) -> str | None:
    """Return the code of PostgreSQL, as psycopg or psycopg2 has it."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
