"""Millions of rows, as quickly as PostgreSQL makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from ..sites.base import Site

__all__ = ["fill"]

CODES_OF_A_NUMBER = 10

CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype IN ('p', 'u')
"""
"""Primary keys and unique ones: no table of codes is referred to."""


def fill(site: Site, rows: int) -> None:
    """Add expired codes of a tenth as many accounts to an empty database."""
    numbers = rows // CODES_OF_A_NUMBER
    with connection.cursor() as cursor:
        for statement in site.accounts(numbers):
            cursor.execute(statement)
    refill(site, rows)


def refill(site: Site, rows: int) -> None:
    """Add expired codes."""
    with connection.cursor() as cursor, _without_indexes(site.table):
        # No look-up of each row's user.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(site.codes(rows, rows // CODES_OF_A_NUMBER))
        cursor.execute("SET session_replication_role = DEFAULT")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


@contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """Make the indexes afterwards: that takes a fraction of the time."""
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS, [table])
        constraints = cursor.fetchall()
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table]
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for _, definition in indexes:
            cursor.execute(definition)
