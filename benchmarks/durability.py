"""What PostgreSQL does for the safety of its data, which the tests' own server leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

__all__ = ["waiting_for_the_disk", "with_page_images"]


@contextmanager
def with_page_images() -> Iterator[None]:
    """Begin with a checkpoint: each page goes into the log whole when it first changes."""
    with _changed(full_page_writes="on"):
        _execute("CHECKPOINT")
        yield


@contextmanager
def waiting_for_the_disk() -> Iterator[None]:
    """Let each commit wait until it is on the disk."""
    with _changed(fsync="on", synchronous_commit="on"):
        yield


@contextmanager
def _changed(**values: str) -> Iterator[None]:
    before = {name: _shown(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str]) -> None:
    for name, value in values.items():
        _execute(f"ALTER SYSTEM SET {name} = {value}")
    _execute("SELECT pg_reload_conf()")
    # Other processes read it at their next statement, and get the signal a little later.
    _execute("SELECT pg_sleep(0.5)")


def _shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        [(value,)] = cursor.fetchall()
    return str(value)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
