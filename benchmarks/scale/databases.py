"""Databases side by side on one PostgreSQL: what is compared takes turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

__all__ = ["copy_of", "read", "using"]


@contextmanager
def using(name: str) -> Iterator[None]:
    """Have this process work on another database."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@contextmanager
def copy_of(template: str, name: str) -> Iterator[str]:
    """Make a database like ``template``, and drop it in the end."""
    copy = f"{template}_{name}"
    _execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
    _execute(f'CREATE DATABASE "{copy}" TEMPLATE "{template}"')
    try:
        yield copy
    finally:
        _execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


def read(name: str) -> str:
    """Have PostgreSQL read a database into its buffers; return the sizes of both.

    :raises django.db.DatabaseError: it has no ``pg_prewarm``, or this role may not create it.
    """
    with using(name), connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        cursor.execute(
            "SELECT pg_prewarm(oid) FROM pg_class "
            "WHERE relkind IN ('r', 'i') AND relnamespace = current_schema()::regnamespace"
        )
        cursor.execute(
            "SELECT pg_size_pretty(pg_database_size(current_database())), "
            "current_setting('shared_buffers')"
        )
        [(size, buffers)] = cursor.fetchall()
    return f"{size} of tables, {buffers} of buffers"


def _execute(statement: str) -> None:
    # Nobody may be in a database that is copied, this process included.
    with using("postgres"), connection.cursor() as cursor:
        cursor.execute(statement)
