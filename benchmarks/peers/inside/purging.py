"""How long it takes to delete what has expired."""

from __future__ import annotations

import io
import time
from typing import Any

from django.core.management import call_command
from django.db import connection

from ..sites.base import Site

__all__ = ["delete", "purge"]


def delete(site: Site) -> float:
    """Return the seconds of a single DELETE."""
    start = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {site.table} WHERE {site.is_old}")
    return time.perf_counter() - start


def purge(site: Site) -> tuple[float, float] | None:
    """Return the seconds of the contestant's own command, and those of its longest DELETE;
    ``None``: it has none.
    """
    if site.purge_command is None:
        return None
    longest = 0.0

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal longest
        start = time.perf_counter()
        result = execute(sql, *rest)
        if sql.startswith("DELETE"):
            longest = max(longest, time.perf_counter() - start)
        return result

    start = time.perf_counter()
    with connection.execute_wrapper(note):
        call_command(site.purge_command, stdout=io.StringIO(), stderr=io.StringIO())
    seconds = time.perf_counter() - start
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {site.table} WHERE {site.is_old}")
        (left,) = cursor.fetchone()
    if left:
        raise RuntimeError(f"{site.purge_command} left {left} rows.")
    return seconds, longest
