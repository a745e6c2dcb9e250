"""Optimistic rounds over a number's row: the concurrency of the whole app.

A round reads the row, decides, and then, in one transaction, first replaces the row where its
version is still the one it read, and then writes the rest. Where another request was faster no
row changes, all is rolled back, and the next round reads again. So decisions are exact under
any number of parallel requests, on every database, without ``SELECT ... FOR UPDATE``.

Lock order, everywhere: the number's row, the shared rows in the order of their keys, then the
code's row, then the user.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from .exceptions import Contention
from .limits import NumberState
from .models import Limit, OTPCode
from .traffic import SharedState
from .transactions import MOST_ROUNDS, Races, database_alias, own_transaction

__all__ = [
    "LimitRow",
    "LostRound",
    "NumberRow",
    "change_row",
    "in_rounds",
]

T = TypeVar("T")

OPTIMISTIC_ROUNDS = 3
"""After so many lost ones a round takes the row's lock before it reads, and so wins."""

CLOCK_TICK = timedelta(microseconds=1)

LIMIT_FIELDS = [field.attname for field in Limit._meta.concrete_fields]
CODE_FIELDS = [field.attname for field in OTPCode._meta.concrete_fields]


class LostRound(Exception):
    """Another request changed what this one had read."""


class LimitRow:
    """A limits row as it was read: of a number, or shared by many.

    ``now`` is this round's time for it: the application's clock, but always after the row's
    last change. A clock that steps back frees no one from a wait, and each change has a time
    of its own.
    """

    def __init__(self, key: str, row: Limit | None, clock: datetime) -> None:
        self.key = key
        self.data: Mapping[str, Any] = row.state if row else {}
        self.now = max(clock, row.updated_at + CLOCK_TICK) if row else clock
        self._version = row.version if row else None

    @property
    def state(self) -> SharedState:
        """What a shared row remembers."""
        return SharedState.from_json(self.data)

    def write(self, alias: str, state: Mapping[str, Any], *, held: bool = False) -> None:
        """Replace the row.

        :raises LostRound: it is no longer the one that was read.
        """
        rows = Limit.objects.using(alias)
        values = {"state": state, "updated_at": self.now, "held": held}
        if self._version is None:
            try:
                rows.create(key=self.key, **values)
            except IntegrityError:
                raise LostRound from None
        elif not rows.filter(key=self.key, version=self._version).update(
            version=self._version + 1, **values
        ):
            raise LostRound


class NumberRow:
    """A number's row, its codes and the shared rows as they were read, and the right to
    replace them once.

    ``newest_first`` are the number's codes of one purpose that have not expired.
    """

    def __init__(self, read: Read, *, locked: bool = False) -> None:
        self._alias, self._locked = read.alias, locked
        rows, self.newest_first = read.all()
        self._clock = clock = timezone.now()
        number, *others = (*(read.keys or [next(iter(rows), "")]), *read.watched)
        self._row = LimitRow(number, rows.get(number), clock)
        shared = [LimitRow(key, rows.get(key), clock) for key in others]
        self.codes = OTPCode.objects.using(read.alias)
        self.key, self.now = self._row.key, self._row.now
        self.state = NumberState.from_json(self._row.data)
        self.shared = {row.key: row for row in shared}

    def wait_until(self, moment: datetime) -> timedelta:
        """Return how long to wait by the clock: longer where that has stepped back."""
        return moment - self._clock if moment > self.now else timedelta()

    def newest(self) -> OTPCode | None:
        """Return the one code that counts, whatever its state: a filter on the state would
        bring an older code back to life."""
        return self.newest_first[0] if self.newest_first else None

    def code(self, request_id: uuid.UUID) -> OTPCode | None:
        return next((code for code in self.newest_first if code.pk == request_id), None)

    @contextmanager
    def replaced_by(
        self, state: NumberState, shared: Mapping[str, SharedState] | None = None
    ) -> Iterator[None]:
        """Replace the row, and shared ones, and run the body in the same transaction.

        :raises LostRound: a row is no longer the one that was read.
        :raises InsideTransaction: there is a transaction of the caller's.
        """
        with (
            transaction.atomic(self._alias, savepoint=False)
            if self._locked
            else (own_transaction(self._alias))
        ):
            self._row.write(self._alias, state.to_json(), held=state.is_held)
            for key in sorted(shared or {}):
                self.shared[key].write(self._alias, (shared or {})[key].to_json())
            yield


@dataclass(frozen=True, slots=True)
class Read:
    """What a round reads, in one statement.

    :param keys: the number's first; none: the number is that of ``request_id``.
    :param watched: keys of shared rows that are not replaced.
    """

    alias: str
    keys: Sequence[str]
    purpose: str
    request_id: uuid.UUID | None = None
    watched: Sequence[str] = ()

    def all(self) -> tuple[dict[str, Limit], list[OTPCode]]:
        live = Q(codes__purpose=self.purpose, codes__expires_at__gt=timezone.now())
        keys = (*self.keys, *self.watched) or self._number()
        rows = self._rows().filter(key__in=keys)
        joined = rows.annotate(code=FilteredRelation("codes", condition=live))
        names = [*LIMIT_FIELDS, *(f"code__{name}" for name in CODE_FIELDS)]
        limits: dict[str, Limit] = {}
        codes: list[OTPCode] = []
        for values in joined.values_list(*names):
            of_limit, of_code = values[: len(LIMIT_FIELDS)], values[len(LIMIT_FIELDS) :]
            limit = Limit.from_db(self.alias, LIMIT_FIELDS, of_limit)
            limits[limit.key] = limit
            if of_code[0] is not None:
                codes.append(OTPCode.from_db(self.alias, CODE_FIELDS, of_code))
        codes.sort(key=lambda code: (code.created_at, code.pk), reverse=True)
        return limits, codes

    def lock(self) -> None:
        """Take the locks of all rows. Writes nothing new: what is read from here on holds."""
        if not self.keys:
            self._rows().filter(key__in=self._number()).update(key=F("key"))
        for key in (*self.keys[:1], *sorted(self.keys[1:])):
            self._rows().filter(key=key).update(key=key)

    def _rows(self) -> QuerySet[Limit]:
        return Limit.objects.using(self.alias)

    def _number(self) -> QuerySet[OTPCode, str]:
        codes = OTPCode.objects.using(self.alias).filter(Q(pk=self.request_id))
        return codes.values_list("phone_number", flat=True)


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
            if number < OPTIMISTIC_ROUNDS:
                return attempt(NumberRow(read))
            return _locking_round(read, attempt)
        except LostRound:
            continue
        except IntegrityError:
            # Two logins created the same account: the next round finds it. An error that
            # comes again is no race.
            if clashed:
                raise
            clashed = True
        except DatabaseError as error:
            if not races.was_lost(error):
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
            with own_transaction(alias):
                state = change(row)
                return None if state is None else row.write(alias, state)
        except LostRound:
            continue
        except DatabaseError as error:
            if not races.was_lost(error):
                raise
    raise Contention("The row changed in every round.")


def _locking_round(read: Read, attempt: Callable[[NumberRow], T]) -> T:
    with own_transaction(read.alias):
        read.lock()
        return attempt(NumberRow(read, locked=True))
