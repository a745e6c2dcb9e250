"""Copies of a database on the same PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

__all__ = ["copy_of", "using"]


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let this process work on another database."""
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
    """Copy a database, and drop the copy in the end."""
    copy = f"{template}_{name}"
    _execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
    _execute(f'CREATE DATABASE "{copy}" TEMPLATE "{template}"')
    try:
        yield copy
    finally:
        _execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


def _execute(statement: str) -> None:
    # PostgreSQL copies no database that has a connection, this process's included.
    with using("postgres"), connection.cursor() as cursor:
        cursor.execute(statement)
