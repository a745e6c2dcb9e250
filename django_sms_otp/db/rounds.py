"""Optimistic rounds over a number's row: the concurrency of the whole app.

A round reads the row, decides, and then, in one transaction, first replaces the row where its
version is still the one it read, and then writes the rest. Where another request was faster no
row changes, all is rolled back, and the next round reads again. So decisions are exact under
any number of parallel requests, on every database, and no row is locked while they are made.

Lock order, everywhere: the number's row, the shared rows in the order of their keys, then the
code's row, then the user.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from ..exceptions import Contention
from ..limits.number import NumberState
from ..limits.shared import SharedState
from ..models import Limit, OTPCode, new_request_id, new_seed
from .compiled import Statement
from .plans import has_plans, statement_cursor
from .rows import LimitRow, Read
from .statements import CODE_FIELDS, NEW_CODE, insert_code, supersede_code
from .transactions import MOST_ROUNDS, Races, database_alias, own_transaction
from .writes import LostRound, Write, is_one_statement, send, send_as_one

__all__ = [
    "LimitRow",
    "NumberRow",
    "change_row",
    "in_rounds",
]

T = TypeVar("T")

ID = CODE_FIELDS.index("id")
BY_AGE = itemgetter(CODE_FIELDS.index("created_at"), ID)
ENDS = itemgetter(CODE_FIELDS.index("redeemed_at"), CODE_FIELDS.index("superseded_at"))

OPTIMISTIC_ROUNDS = 3
"""After so many lost ones a round takes the row's lock before it reads, and so wins."""


class NumberRow:
    """A number's row, its codes and the shared rows as they were read, and the right to
    replace them once.
    """

    def __init__(self, read: Read, cursor: CursorWrapper, *, locked: bool = False) -> None:
        self.alias, self._cursor, self._locked = read.alias, cursor, locked
        rows, self._codes = read.all(cursor)
        self._driver = cursor.db.connection
        self._clock = clock = timezone.now()
        number, *others = (*(read.keys or [next(iter(rows), "")]), *read.watched)
        self._row = LimitRow(number, rows.get(number), clock)
        shared = [LimitRow(key, rows.get(key), clock) for key in others]
        self.key, self.now = self._row.key, self._row.now
        self.state = NumberState.from_json(self._row.data)
        self.shared = {row.key: row for row in shared}

    def wait_until(self, moment: datetime) -> timedelta:
        """Return how long to wait by the clock: longer where that has stepped back."""
        return moment - self._clock if moment > self.now else timedelta()

    def newest(self) -> OTPCode | None:
        """Return the one code that counts, whatever its state: a filter on the state would
        bring an older code back to life."""
        latest = max(self._codes, key=BY_AGE, default=None)
        return None if latest is None else self._made(latest)

    def newest_if_live(self) -> OTPCode | None:
        """Return the same, if it can still be redeemed."""
        latest = max(self._codes, key=BY_AGE, default=None)
        if latest is None or ENDS(latest) != (None, None):
            return None
        return self._made(latest)

    def code(self, request_id: uuid.UUID) -> OTPCode | None:
        found = (row for row in self._codes if row[ID] == request_id)
        return next(map(self._made, found), None)

    def _made(self, columns: Sequence[Any]) -> OTPCode:
        return OTPCode.from_db(self.alias, CODE_FIELDS, columns)

    def new_code(self, **columns: Any) -> tuple[OTPCode, Write]:
        """Return a code of the number's, and what inserts it."""
        given = {"id": new_request_id(), "seed": new_seed(), **columns}
        values = {**NEW_CODE, **given}
        row = [values[name] for name in CODE_FIELDS]
        otp_code = self._made(row)
        names = [name for name, value in given.items() if value is not None]
        return otp_code, Write(insert_code, given, names)

    def supersession(self, otp_code: OTPCode) -> Write:
        """Return what marks a code as replaced, if it is live."""
        values = {"id": otp_code.pk, "now": self.now, "superseded_at": self.now}
        return Write(supersede_code, values, is_condition=False)

    def change(
        self, otp_code: OTPCode, statement: Statement, *shape: str, **values: Any
    ) -> Write:
        """Return what changes a code, if that still is as it was read."""
        return Write(statement, {"id": otp_code.pk, "now": self.now, **values}, shape)

    def replace(
        self,
        state: NumberState,
        *writes: Write,
        shared: Mapping[str, SharedState] | None = None,
    ) -> None:
        """Replace the row, and ``shared`` ones, and write the rest, in one transaction.

        :raises LostRound: a row is no longer as it was read.
        :raises InsideTransaction: there is a transaction of the caller's.
        """
        number = self._replacement(state)
        in_order = sorted((shared or {}).items(), key=itemgetter(0))
        others = [self.shared[key].replacement(value.to_json()) for key, value in in_order]
        everything = [number, *others, *writes]
        cursor = self._current_cursor()
        if is_one_statement(cursor, everything):
            send_as_one(cursor, everything)
            return
        waits = any(write.statement is not insert_code for write in writes)
        with self._transaction():
            if others and waits:
                # What is sent with a lost write runs before that is rolled back. It would wait
                # for a code's row then, with rows locked that everybody shares.
                send(self._current_cursor(), [number])
                send(self._current_cursor(), [*others, *writes])
            else:
                send(self._current_cursor(), everything)

    @contextmanager
    def replaced_by(self, state: NumberState, *writes: Write) -> Iterator[None]:
        """The same, and run the body in the same transaction, before it is committed."""
        with self._transaction():
            self.write(self._replacement(state), *writes)
            yield

    def write(self, *writes: Write) -> list[int]:
        """Write more in that body; return how many rows each has matched.

        :raises LostRound: what was to be changed is no longer as it was read.
        """
        return send(self._current_cursor(), writes)

    def _replacement(self, state: NumberState) -> Write:
        return self._row.replacement(state.to_json(), held=state.is_held)

    def _transaction(self) -> AbstractContextManager[None]:
        if self._locked:
            return transaction.atomic(self.alias, savepoint=False)
        return own_transaction(self.alias)

    def _current_cursor(self) -> CursorWrapper:
        """Return the cursor of the transaction: a hook of the site's may have closed the
        connection since the rows were read, and what its cursor writes is committed by nobody;
        or it has begun to look at statements.
        """
        connection = connections[self.alias]
        is_planned_in_vain = has_plans(self._cursor) and connection.execute_wrappers
        if connection.connection is not self._driver or is_planned_in_vain:
            self._cursor, self._driver = statement_cursor(connection), connection.connection
        return self._cursor


def in_rounds(
    phone_number: str | None,
    attempt: Callable[[NumberRow], T],
    *,
    purpose: str = "",
    shared: Iterable[str] = (),
    watched: Sequence[str] = (),
    request_id: uuid.UUID | None = None,
) -> T:
    """Call ``attempt`` with the number's row until its writes win, and return what it returned.

    ``attempt`` may be called several times; only the writes of the last call are committed.

    :param purpose: of the codes to read along.
    :param shared: keys of the shared rows that ``attempt`` may replace.
    :param watched: keys of others that it looks at.
    :param request_id: whose number it is, where ``phone_number`` is ``None``.
    :raises Contention: no round won.
    """
    keys = (phone_number, *shared) if phone_number else ()
    read = Read(database_alias(), keys, purpose, request_id, watched)
    clashed = False
    races = Races()
    for number in range(MOST_ROUNDS):
        try:
            with statement_cursor(connections[read.alias]) as cursor:
                if number < OPTIMISTIC_ROUNDS:
                    return attempt(NumberRow(read, cursor))
                return _locking_round(read, cursor, attempt)
        except LostRound:
            continue
        except IntegrityError:
            # Two logins created the same account: the next round finds it. An error that
            # comes again is no race.
            if clashed:
                raise
            clashed = True
        except DatabaseError as error:
            if not races.was_lost(error, read.alias):
                raise
    raise Contention("The rows of this number changed in every round.")


def change_row(key: str, change: Callable[[LimitRow], Mapping[str, Any] | None]) -> None:
    """Replace one shared row, in a transaction of its own, by what ``change`` makes of it;
    ``None``: leave it as it is.

    :raises Contention: no round won.
    """
    alias = database_alias()
    rows = Limit.objects.using(alias)
    races = Races()
    for _ in range(MOST_ROUNDS):
        row = LimitRow(key, rows.filter(key=key).first(), timezone.now())
        try:
            with own_transaction(alias), statement_cursor(connections[alias]) as cursor:
                state = change(row)
                if state is not None:
                    send(cursor, [row.replacement(state)])
                return
        except LostRound:
            continue
        except DatabaseError as error:
            if not races.was_lost(error, alias):
                raise
    raise Contention("The row changed in every round.")


def _locking_round(read: Read, cursor: CursorWrapper, attempt: Callable[[NumberRow], T]) -> T:
    with own_transaction(read.alias):
        read.lock()
        return attempt(NumberRow(read, cursor, locked=True))
