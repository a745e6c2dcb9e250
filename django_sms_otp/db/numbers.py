"""Reads a number's row, its codes and the shared rows, and replaces them in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, transaction
from django.utils import timezone

from ..limits.keys import NUMBER, LimitKey
from ..limits.number import NumberState
from ..models import Limit, OTPCode, new_request_id, new_seed
from ..phone import E164
from .postgresql import can_write_at_once, write_at_once
from .rows import LimitRow
from .statements import (
    CODE_FIELDS,
    CONSUME_CODE,
    COUNT_ATTEMPT,
    INSERT_CODE,
    LIMIT_FIELDS,
    RESEND_CODE,
    RESENT,
    SUPERSEDE_CODE,
    Change,
    read_by_keys,
    read_by_request_id,
)
from .transactions import own_transaction
from .values import from_database
from .writes import Write, write_in_order

__all__ = ["NumberQuery", "NumberRow", "keys_to_lock", "read_number"]

ID, REDEEMED_AT = map([*CODE_FIELDS].index, ("id", "redeemed_at"))
BINDING = itemgetter(*map([*CODE_FIELDS].index, ("purpose", "context")))
BY_AGE = itemgetter([*CODE_FIELDS].index("created_at"), ID)

NEW_CODE = {
    name: column.get_default()
    for name, column in CODE_FIELDS.items()
    if name not in {"id", "seed"}
}
"""The default values of a new code's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberQuery:
    """The rows to read.

    :param phone_number: the number in E.164; ``None`` for the number of ``request_id``.
    :param purpose: the purpose of the codes.
    :param context: the context of the codes.
    :param shared: the keys of the shared rows.
    """

    alias: str
    phone_number: str | None
    purpose: str = ""
    context: str = ""
    shared: Sequence[LimitKey] = ()
    request_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRow:
    """A number's row, its codes and the shared rows as they were read.

    They can be replaced once.

    :param e164: the number; empty if there is no code with the ``request_id``.
    :param clock: the application's time of the read.
    :param codes: the columns of the number's unexpired codes of the purpose and context, newest
        first.
    :param is_locked: whether the caller has locked the rows in a transaction.
    """

    alias: str
    e164: str
    row: LimitRow
    state: NumberState
    shared: Mapping[LimitKey, LimitRow]
    codes: Sequence[Sequence[Any]] = field(repr=False)
    clock: datetime
    is_locked: bool

    @property
    def now(self) -> datetime:
        """The time of the row: see :class:`LimitRow`."""
        return self.row.now

    @property
    def is_new(self) -> bool:
        """Whether the number has no row yet, or none any more, such as after an erasure."""
        return self.row.stored is None

    def wait_until(self, moment: datetime) -> timedelta:
        """Return the wait by the clock. It is longer if the clock has stepped back."""
        return moment - self.clock if moment > self.now else timedelta()

    def newest(self) -> OTPCode | None:
        """Return the newest code, in any state.

        A filter by state would make an older code valid again.
        """
        return self._make(self.codes[0]) if self.codes else None

    def newest_if_live(self) -> OTPCode | None:
        """Return the newest code if it can still be redeemed."""
        newest = self.newest()
        return newest if newest and newest.is_live(self.now) else None

    def code(self, request_id: uuid.UUID) -> OTPCode | None:
        found = (columns for columns in self.codes if columns[ID] == request_id)
        return next(map(self._make, found), None)

    def last_redeemed(self) -> OTPCode | None:
        """Return the code that was redeemed last, so a short time ago."""
        redeemed = [columns for columns in self.codes if columns[REDEEMED_AT] is not None]
        latest = max(redeemed, key=itemgetter(REDEEMED_AT), default=None)
        return self._make(latest) if latest else None

    def new_code(self, **columns: Any) -> tuple[OTPCode, Write]:
        """Return a new code of the number, and the write that inserts it."""
        values = {**NEW_CODE, "id": new_request_id(), "seed": new_seed(), **columns}
        otp_code = self._make([values[name] for name in CODE_FIELDS])
        given = {name: values[name] for name in INSERT_CODE.fields}
        return otp_code, Write(statement=INSERT_CODE, values=given)

    def attempt(self, otp_code: OTPCode) -> Write:
        """Return the write that counts a wrong guess."""
        return self._change(
            COUNT_ATTEMPT, otp_code, failed_attempts=otp_code.failed_attempts + 1
        )

    def consumption(
        self, otp_code: OTPCode, user: AbstractBaseUser | None, *, taken_back: int = 0
    ) -> Write:
        """Return the write that marks a code as redeemed.

        :param taken_back: guesses that were counted as wrong and turned out to be right.
        """
        return self._change(
            CONSUME_CODE,
            otp_code,
            failed_attempts=otp_code.failed_attempts - taken_back,
            redeemed_at=self.now,
            user_id=user.pk if user else None,
        )

    def resend(self, otp_code: OTPCode) -> Write:
        """Return the write that stores the attributes of a code that is sent again."""
        values = {name: getattr(otp_code, name) for name in RESENT}
        return self._change(RESEND_CODE, otp_code, **values)

    def supersession(self, otp_code: OTPCode) -> Write:
        """Return the write that marks a code as superseded, if it is live."""
        values = {"id": otp_code.pk, "now": self.now, "superseded_at": self.now}
        return Write(statement=SUPERSEDE_CODE, values=values, is_condition=False)

    def _make(self, columns: Sequence[Any]) -> OTPCode:
        return OTPCode.from_db(self.alias, [*CODE_FIELDS], columns)

    def _change(self, change: Change, otp_code: OTPCode, **values: Any) -> Write:
        given = {"id": otp_code.pk, "now": self.now, "seen": otp_code.failed_attempts}
        return Write(statement=change, values={**given, **values})

    def replace(self, state: NumberState, *writes: Write) -> None:
        """Replace the number's row and do the writes, in one transaction.

        :raises LostRace: another request has changed a row.
        :raises InsideTransaction: the caller has begun a transaction.
        """
        everything = [self._replacement(state), *writes]
        connection = connections[self.alias]
        if can_write_at_once(connection, everything):
            with connection.cursor() as cursor:
                write_at_once(cursor, everything)
        else:
            with self._transaction():
                self.write(*everything)

    @contextmanager
    def replaced_by(self, state: NumberState, *writes: Write) -> Iterator[None]:
        """Do the same as :meth:`replace`, and run the body in the transaction."""
        with self._transaction():
            self.write(self._replacement(state), *writes)
            yield

    def write(self, *writes: Write) -> list[int]:
        """Do more writes in the body of :meth:`replaced_by`.

        Return the number of rows that each write matched.

        :raises LostRace: another request has changed a row.
        """
        with connections[self.alias].cursor() as cursor:
            return write_in_order(cursor, writes)

    def _replacement(self, state: NumberState) -> Write:
        return self.row.replacement(state.to_json(), is_kept=state.must_stay(self.now))

    def _transaction(self) -> AbstractContextManager[None]:
        if self.is_locked:
            return transaction.atomic(self.alias, savepoint=False)
        return own_transaction(self.alias)


def read_number(query: NumberQuery, *, is_locked: bool = False) -> NumberRow:
    """Read a number's row, its codes and the shared rows, in one statement."""
    limits, codes = _read(query)
    clock = timezone.now()
    e164 = query.phone_number
    if e164 is None:
        e164 = E164(next((key.subject for key in limits if key.kind == NUMBER), ""))
    row = LimitRow.of(key := LimitKey(NUMBER, e164), limits.get(key), clock)
    return NumberRow(
        alias=query.alias,
        e164=e164,
        row=row,
        state=NumberState.from_json(row.state),
        shared={key: LimitRow.of(key, limits.get(key), clock) for key in query.shared},
        codes=codes,
        clock=clock,
        is_locked=is_locked,
    )


def keys_to_lock(query: NumberQuery) -> list[LimitKey]:
    """Return the keys of all rows that the query reads, in the order of their locks."""
    e164 = query.phone_number
    if e164 is None and query.request_id is not None:
        codes = OTPCode.objects.using(query.alias).filter(pk=query.request_id)
        e164 = codes.values_list("phone_number", flat=True).first()
    return [LimitKey(NUMBER, e164 or ""), *sorted(query.shared)]


def _read(query: NumberQuery) -> tuple[dict[LimitKey, Limit], list[list[Any]]]:
    """Return the limits by key, and the columns of the codes, newest first."""
    values: dict[str, Any] = {"purpose": query.purpose, "now": timezone.now()}
    if query.phone_number is None:
        statement = read_by_request_id()
        values["id"] = query.request_id
    else:
        statement = read_by_keys(len(query.shared))
        values["number"] = query.phone_number
        for number, key in enumerate(query.shared):
            values |= {f"kind{number}": key.kind, f"subject{number}": key.subject}
    connection = connections[query.alias]
    with connection.cursor() as cursor:
        statement.execute(cursor, values)
        rows = cursor.fetchall()
    width = len(LIMIT_FIELDS)
    # A limit stands beside each code of its number.
    limit_rows = {row[0]: row[:width] for row in rows}.values()
    code_rows = [row[width:] for row in rows if row[width] is not None]
    found = [
        Limit.from_db(query.alias, [*LIMIT_FIELDS], columns)
        for columns in from_database(limit_rows, LIMIT_FIELDS, connection)
    ]
    # Compared here: to a database, texts that differ in case or accents may be the same.
    codes = [
        columns
        for columns in from_database(code_rows, CODE_FIELDS, connection)
        if BINDING(columns) == (query.purpose, query.context)
    ]
    return {limit.key: limit for limit in found}, sorted(codes, key=BY_AGE, reverse=True)
