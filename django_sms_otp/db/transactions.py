"""Transactions of the app, and the database errors that mean a lost race."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ..exceptions import InsideTransaction
from ..models import OTPCode, VerifiedPhone
from .outages import sqlstate

__all__ = [
    "MOST_ATTEMPTS",
    "Races",
    "await_turn",
    "database_alias",
    "non_atomic",
    "own_transaction",
    "refuse_transaction",
    "retry_lost_races",
    "users_too",
]

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])

MOST_ATTEMPTS = 12

RETRY_SECONDS = 5.0
"""A lost race is not retried after this time. Otherwise the waits for a lock would add up: to
a minute on SQLite, and to ten minutes on MariaDB, which waits 50 seconds each time."""

POSTGRESQL_RACES = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""

MYSQL_RACES = frozenset({1020, 1205, 1213})
"""ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK."""

SQLITE_BUSY = 5

AUTOCOMMIT_IS_OFF = (
    "Autocommit is off on the database {alias!r}, so every statement is inside a transaction. "
    "But the services of django_sms_otp commit by themselves. Leave AUTOCOMMIT in DATABASES at "
    "True."
)
INSIDE_ANOTHER = (
    "The services of django_sms_otp commit by themselves and cannot run inside a transaction. "
    "Mark the view with transaction.non_atomic_requests, or call them outside of atomic()."
)


class Races:
    """Decides whether a call tries again after an error."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + RETRY_SECONDS

    def was_lost(self, error: DatabaseError) -> bool:
        """Return whether the error means a lost race, and there is time to try again."""
        return _is_lost_race(error) and time.monotonic() <= self._deadline


def retry_lost_races(write: Callable[[], T]) -> T:
    """Call ``write``. Call it again if it lost a race to another transaction."""
    races = Races()
    for number in range(MOST_ATTEMPTS):
        try:
            return write()
        except DatabaseError as error:
            if number == MOST_ATTEMPTS - 1 or not races.was_lost(error):
                raise
    raise AssertionError("unreachable")


def non_atomic(view: View) -> View:
    """Exempt a view from ``ATOMIC_REQUESTS`` of every database.

    The services commit by themselves: a refused guess must stay counted, and a message must
    not leave before its commit.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def database_alias(model: type[Model] = OTPCode) -> str:
    """Return the database to read a model from and write it to. It is never a replica."""
    return router.db_for_write(model)


@contextmanager
def users_too() -> Iterator[None]:
    """Run the body in a transaction of the users' databases too, if they have their own.

    The users are committed first. So a crash between the commits may leave an account without
    a number, but no number without its account.
    """
    begun = {database_alias()}
    with ExitStack() as stack:
        for model in (VerifiedPhone, get_user_model()):
            other = database_alias(model)
            if other not in begun:
                stack.enter_context(own_transaction(other))
                await_turn(model)
                begun.add(other)
        yield


def await_turn(model: type[Model]) -> None:
    """Let no other transaction write, where a database has one writer at a time.

    Call this before a transaction reads. SQLite locks its file at the first write. If the
    transaction has read by then and another one writes, SQLite refuses the write at once. A
    transaction that begins with a write waits.
    """
    connection = connections[database_alias(model)]
    if not connection.features.has_select_for_update:
        name = connection.ops.quote_name
        table, key = name(model._meta.db_table), name(str(model._meta.pk.column))
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE 1 = 0")


@contextmanager
def own_transaction(alias: str) -> Iterator[None]:
    """Run the body in a transaction that the app begins and commits itself.

    :raises InsideTransaction: the caller has begun a transaction.
    """
    connection = transaction.get_connection(alias)
    is_outermost = not connection.in_atomic_block
    if is_outermost and not connection.get_autocommit():
        # atomic() would not commit here, but the message would leave.
        raise InsideTransaction(AUTOCOMMIT_IS_OFF.format(alias=alias))
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=alias, durable=True))
        except RuntimeError as error:
            raise InsideTransaction(INSIDE_ANOTHER) from error
        if is_outermost:
            _relax_isolation(connection)
        yield


def refuse_transaction(advice: str) -> None:
    """Do nothing outside of a transaction.

    :raises InsideTransaction: the caller has begun one; the text is ``advice``.
    """
    alias = database_alias()
    # Outside of all blocks the database is not asked: a text leaves without it.
    if transaction.get_connection(alias).in_atomic_block:
        try:
            # Django lets the transaction of its TestCase pass.
            with transaction.atomic(using=alias, durable=True):
                pass
        except RuntimeError as error:
            raise InsideTransaction(advice) from error


def _relax_isolation(connection: BaseDatabaseWrapper) -> None:
    level = connection.settings_dict.get("OPTIONS", {}).get("isolation_level")
    if connection.vendor == "postgresql" and level is not None:
        # At a stricter level a changed version is an error, and not an UPDATE of no row. That
        # would be correct, but a hot row would take up to 22 attempts.
        lower = "READ COMMITTED"
    elif connection.vendor == "mysql" and str(level).lower() == "serializable":
        # At that level a SELECT locks the gap in which other logins create their users. That
        # leads to deadlocks. A server with statement-based logging refuses READ COMMITTED.
        lower = "REPEATABLE READ"
    else:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {lower}")


def _is_lost_race(error: DatabaseError) -> bool:
    """Return whether the error is a deadlock, serialization failure or lock time-out."""
    if sqlstate(error) in POSTGRESQL_RACES:
        return True
    cause = error.__cause__
    if (getattr(cause, "sqlite_errorcode", 0) & 0xFF) == SQLITE_BUSY:
        return True
    return bool(error.args) and error.args[0] in MYSQL_RACES
