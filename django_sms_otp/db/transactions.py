"""The transactions of the app's own, and what counts as a race lost to another one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ..exceptions import InsideTransaction
from ..models import OTPCode, VerifiedPhone
from .plans import UNUSABLE

__all__ = [
    "MOST_ROUNDS",
    "Races",
    "database_alias",
    "non_atomic",
    "own_transaction",
    "retry_lost_races",
    "users_too",
]

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])

MOST_ROUNDS = 12

PATIENCE = 5.0
"""Seconds after which what the database broke off is not tried again. Its own waits for a lock
add up otherwise: to a minute on SQLite, and to ten where MariaDB waits for 50 seconds each."""

POSTGRESQL_RACES = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""

MYSQL_RACES = frozenset({1020, 1205, 1213})
"""ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK."""

SQLITE_BUSY = 5

AUTOCOMMIT_IS_OFF = (
    "Autocommit is off on the database {alias!r}, so that all is inside a transaction of the "
    "site's, and request_code() and redeem_code() commit by themselves. Leave DATABASES' "
    "AUTOCOMMIT at True."
)
INSIDE_ANOTHER = (
    "request_code() and redeem_code() commit by themselves and cannot run inside a "
    "transaction. Mark the view with transaction.non_atomic_requests, or call them outside of "
    "atomic()."
)


class Races:
    """Tries of one call to win over others, for as long as anybody waits for it."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + PATIENCE

    def was_lost(self, error: DatabaseError, alias: str = "") -> bool:
        """Tell whether to try again after an error.

        :param alias: of the database that one of our statements failed on.
        """
        if alias and _sqlstate(error) in UNUSABLE and not connections[alias].in_atomic_block:
            # Its plans are not what we take them for; the next connection makes its own.
            connections[alias].close()
            return time.monotonic() <= self._deadline
        return _is_lost_race(error) and time.monotonic() <= self._deadline


def retry_lost_races(write: Callable[[], T], alias: str = "") -> T:
    """Call ``write``, and again where the database broke it off for another's sake.

    :param alias: of the database, where ``write`` runs one of our statements.
    """
    races = Races()
    for number in range(MOST_ROUNDS):
        try:
            return write()
        except DatabaseError as error:
            if number == MOST_ROUNDS - 1 or not races.was_lost(error, alias):
                raise
    raise AssertionError("unreachable")


def non_atomic(view: View) -> View:
    """Take a view out of ``ATOMIC_REQUESTS`` of every database: services commit by themselves.

    A refused guess must stay counted, and a message must not leave before its commit.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def database_alias(model: type[Model] = OTPCode) -> str:
    """Return the database that a model is read from and written to: never a replica."""
    return router.db_for_write(model)


@contextmanager
def users_too() -> Iterator[None]:
    """Run the body in a transaction of the users' databases too, where they have their own.

    Users are committed first: a crash between the commits leaves an account that nobody knows
    of, never a number whose account is missing.
    """
    begun = {database_alias()}
    with ExitStack() as stack:
        for model in (VerifiedPhone, get_user_model()):
            other = database_alias(model)
            if other not in begun:
                stack.enter_context(own_transaction(other))
                begun.add(other)
        yield


def own_transaction(alias: str) -> AbstractContextManager[None]:
    """Return a transaction that nobody else has begun, nor will commit.

    :raises InsideTransaction: on entering it: there is one already.
    """
    return _OwnTransaction(alias)


class _OwnTransaction:
    # A class: two of them, as generators on an ExitStack, were a tenth of what a guess costs.
    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._atomic = transaction.atomic(using=alias, durable=True)

    def __enter__(self) -> None:
        connection = transaction.get_connection(self._alias)
        outermost = not connection.in_atomic_block
        if outermost and not connection.get_autocommit():
            # atomic() would be a savepoint here: nobody commits, but the message leaves.
            raise InsideTransaction(AUTOCOMMIT_IS_OFF.format(alias=self._alias))
        try:
            self._atomic.__enter__()
        except RuntimeError as error:
            raise InsideTransaction(INSIDE_ANOTHER) from error
        if not outermost:
            return
        try:
            _relax_isolation(connection)
        except BaseException:
            self._atomic.__exit__(*sys.exc_info())
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._atomic.__exit__(kind, error, traceback)


def _relax_isolation(connection: BaseDatabaseWrapper) -> None:
    level = connection.settings_dict.get("OPTIONS", {}).get("isolation_level")
    if connection.vendor == "postgresql" and level is not None:
        # Under the stricter levels a version that changed is an error, not an UPDATE of no
        # row: correct, but up to 22 rounds on a hot row.
        lower = "READ COMMITTED"
    elif connection.vendor == "mysql" and str(level).lower() == "serializable":
        # There a SELECT locks the gap in which other logins create their users: deadlocks. Not
        # READ COMMITTED, which a server refuses that logs statements.
        lower = "REPEATABLE READ"
    else:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {lower}")


def _sqlstate(error: DatabaseError) -> str | None:
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _is_lost_race(error: DatabaseError) -> bool:
    """Tell a deadlock, serialization failure or lock time-out from other errors."""
    if _sqlstate(error) in POSTGRESQL_RACES:
        return True
    cause = error.__cause__
    if (getattr(cause, "sqlite_errorcode", 0) & 0xFF) == SQLITE_BUSY:
        return True
    return bool(error.args) and error.args[0] in MYSQL_RACES
