"""Optimistic rounds over a number's row: the concurrency of the whole app.

A round reads the row, decides, and then, in one transaction, first replaces the row where its
version is still the one it read, and then writes the rest. Where another request was faster no
row changes, all is rolled back, and the next round reads again. So decisions are exact under
any number of parallel requests, on every database, without ``SELECT ... FOR UPDATE``.

Lock order, everywhere: the number's row, then the code's row, then the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from .exceptions import Contention, InsideTransaction
from .limits import NumberState
from .models import Limit, OTPCode

__all__ = ["LostRound", "NumberRow", "database_alias", "in_rounds", "retry_lost_races"]

T = TypeVar("T")

OPTIMISTIC_ROUNDS = 3
"""After so many lost ones a round takes the row's lock before it reads, and so wins."""

MOST_ROUNDS = 12

POSTGRESQL_RACES = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""

MYSQL_RACES = frozenset({1020, 1205, 1213})
"""ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK."""

SQLITE_BUSY = 5

CLOCK_TICK = timedelta(microseconds=1)


class LostRound(Exception):
    """Another request changed what this one had read."""


class NumberRow:
    """A number's row as it was read, and the right to replace it once.

    ``now`` is this round's time: the application's clock, but always after the row's last
    change. A clock that steps back frees no one from a wait, and each change has a time of its
    own.
    """

    def __init__(self, phone_number: str, alias: str, *, locked: bool = False) -> None:
        self._key = phone_number
        self._alias = alias
        self._locked = locked
        self.codes = OTPCode.objects.using(alias)
        row = Limit.objects.using(alias).filter(key=phone_number).first()
        now = timezone.now()
        self.now: datetime = max(now, row.updated_at + CLOCK_TICK) if row else now
        self.state = NumberState.from_json(row.state if row else {}, self.now)
        self._version = row.version if row else None

    @contextmanager
    def replaced_by(self, state: NumberState) -> Iterator[None]:
        """Replace the row, and run the body in the same transaction.

        :raises LostRound: the row is no longer the one that was read.
        :raises InsideTransaction: there is a transaction of the caller's.
        """
        with (
            transaction.atomic(self._alias, savepoint=False)
            if self._locked
            else (_own_transaction(self._alias))
        ):
            self._write(state)
            yield

    def _write(self, state: NumberState) -> None:
        rows = Limit.objects.using(self._alias)
        values = {"state": state.to_json(), "updated_at": self.now}
        if self._version is None:
            try:
                rows.create(key=self._key, **values)
            except IntegrityError:
                raise LostRound from None
        elif not rows.filter(key=self._key, version=self._version).update(
            version=self._version + 1, **values
        ):
            raise LostRound


def in_rounds(phone_number: str, attempt: Callable[[NumberRow], T]) -> T:
    """Call ``attempt`` with the number's row until its writes win, and return what it returned.

    ``attempt`` may be called several times; only the writes of the last call are committed.

    :raises Contention: no round won.
    """
    alias = database_alias()
    clashed = False
    for number in range(MOST_ROUNDS):
        try:
            if number < OPTIMISTIC_ROUNDS:
                return attempt(NumberRow(phone_number, alias))
            return _locking_round(phone_number, alias, attempt)
        except LostRound:
            continue
        except IntegrityError:
            # Two logins created the same account: the next round finds it. An error that
            # comes again is no race.
            if clashed:
                raise
            clashed = True
        except DatabaseError as error:
            if not _is_lost_race(error):
                raise
    raise Contention("The row of this number changed in every round.")


def retry_lost_races(write: Callable[[], T]) -> T:
    """Call ``write``, and again where the database broke it off for another's sake."""
    for number in range(MOST_ROUNDS):
        try:
            return write()
        except DatabaseError as error:
            if number == MOST_ROUNDS - 1 or not _is_lost_race(error):
                raise
    raise AssertionError("unreachable")


def database_alias() -> str:
    """Return the database that codes are read from and written to: never a replica."""
    return router.db_for_write(OTPCode)


def _locking_round(phone_number: str, alias: str, attempt: Callable[[NumberRow], T]) -> T:
    with _own_transaction(alias):
        # Writes nothing new, but takes the row's lock: what is read from here on holds.
        Limit.objects.using(alias).filter(key=phone_number).update(key=phone_number)
        return attempt(NumberRow(phone_number, alias, locked=True))


@contextmanager
def _own_transaction(alias: str) -> Iterator[None]:
    connection = transaction.get_connection(alias)
    outermost = not connection.in_atomic_block
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=alias, durable=True))
        except RuntimeError as error:
            raise InsideTransaction(
                "request_code() and redeem_code() commit by themselves and cannot run inside a "
                "transaction. Mark the view with transaction.non_atomic_requests, or call them "
                "outside of atomic()."
            ) from error
        if outermost:
            _read_committed(connection)
        yield


def _read_committed(connection: BaseDatabaseWrapper) -> None:
    # Under PostgreSQL's stricter levels a version that changed is an error, not an UPDATE of no
    # row: correct, but up to 22 rounds on a hot row.
    strict = connection.settings_dict.get("OPTIONS", {}).get("isolation_level") is not None
    if connection.vendor == "postgresql" and strict:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _is_lost_race(error: DatabaseError) -> bool:
    """Tell a deadlock, serialization failure or lock time-out from other errors."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if sqlstate in POSTGRESQL_RACES:
        return True
    if (getattr(cause, "sqlite_errorcode", 0) & 0xFF) == SQLITE_BUSY:
        return True
    return bool(error.args) and error.args[0] in MYSQL_RACES
