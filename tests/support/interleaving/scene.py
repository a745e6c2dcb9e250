"""The rows that every order begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.db import connection

from django_sms_otp import testing
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone

TABLES = [model._meta.db_table for model in (VerifiedPhone, OTPCode, Limit, User)]
"""What the calls write, referring tables before the ones they refer to."""


class Scene:
    """What the tables held when this was made."""

    def __init__(self) -> None:
        # A COMMIT that spares the disk looks the same to everybody.
        _run("SET synchronous_commit = off")
        _run(*(f'CREATE TEMPORARY TABLE "{_copy(t)}" AS TABLE "{t}"' for t in TABLES))

    def restore(self) -> None:
        _run(
            *(f'DELETE FROM "{table}"' for table in TABLES),
            *(f'INSERT INTO "{table}" TABLE "{_copy(table)}"' for table in reversed(TABLES)),
        )
        testing.outbox.clear()

    def forget(self) -> None:
        _run(*(f'DROP TABLE "{_copy(table)}"' for table in TABLES))
        _run("RESET synchronous_commit")


@contextmanager
def scene() -> Iterator[Scene]:
    """Remember the rows that there are, until the end of the block."""
    kept = Scene()
    try:
        yield kept
    finally:
        kept.forget()


def _copy(table: str) -> str:
    return f"before_{table}"


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements))
