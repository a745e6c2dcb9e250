"""Optimistic changes of a number: the concurrency of the whole app.

An attempt reads the number's row, decides, and then replaces the row in one transaction, if
its version is still the one that was read, and does the other writes. If another request was
faster, no row matches, everything is rolled back, and the next attempt reads again. So
decisions are exact under any number of parallel requests, on every database, and no row is
locked while they are made.

Everybody takes locks in one order: the number's row, the code's row, the shared rows in the
order of their keys, then the user. An attempt that has lost too often locks the rows first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, connections
from django.utils import timezone

from ..exceptions import Contention
from ..limits.keys import LimitKey
from ..models import Limit
from .numbers import NumberQuery, NumberRow, keys_to_lock, read_number
from .rows import LimitRow, lock_limit
from .transactions import MOST_ATTEMPTS, Races, database_alias, own_transaction
from .writes import LostRace, Write, write_in_order

__all__ = ["change_limit", "change_number"]

T = TypeVar("T")

OPTIMISTIC_ATTEMPTS = 3
"""After as many lost ones, an attempt locks the rows before it reads, and so wins."""


def change_number(
    phone_number: str | None,
    attempt: Callable[[NumberRow], T],
    *,
    purpose: str = "",
    shared: Iterable[LimitKey] = (),
    request_id: uuid.UUID | None = None,
) -> T:
    """Call ``attempt`` with the number's row until its writes win; return what it returned.

    ``attempt`` may be called several times. Only the writes of the last call are committed.

    :param phone_number: in E.164; ``None``: the number of ``request_id``.
    :param purpose: of the codes to read along.
    :param shared: keys of the shared rows to read along.
    :raises Contention: no attempt won.
    """
    query = NumberQuery(
        alias=database_alias(),
        phone_number=phone_number,
        purpose=purpose,
        shared=tuple(shared),
        request_id=request_id,
    )
    has_clashed = False
    races = Races()
    for number in range(MOST_ATTEMPTS):
        try:
            if number < OPTIMISTIC_ATTEMPTS:
                return attempt(read_number(query))
            return _locked_attempt(query, attempt)
        except LostRace:
            continue
        except IntegrityError:
            # Two logins created the same account: the next attempt finds it. An error that
            # comes again is no race.
            if has_clashed:
                raise
            has_clashed = True
        except DatabaseError as error:
            if not races.was_lost(error):
                raise
    raise Contention("The rows of this number changed in every attempt.")


def change_limit(key: LimitKey, change: Callable[[LimitRow], Write | None]) -> None:
    """Change one shared row, in a transaction of its own.

    The row is locked while ``change`` decides, so no change is lost.

    :param change: returns the row's replacement; ``None`` leaves it as it is. It may be called
        several times.
    :raises Contention: the database broke off every attempt.
    """
    alias = database_alias()
    rows = Limit.objects.using(alias).filter(kind=key.kind, subject=key.subject)
    races = Races()
    for _ in range(MOST_ATTEMPTS):
        try:
            with own_transaction(alias):
                lock_limit(alias, key)
                row = LimitRow.of(key, rows.first(), timezone.now())
                if write := change(row):
                    with connections[alias].cursor() as cursor:
                        write_in_order(cursor, [write])
                return
        except LostRace:
            continue
        except DatabaseError as error:
            if not races.was_lost(error):
                raise
    raise Contention("The row changed in every attempt.")


def _locked_attempt(query: NumberQuery, attempt: Callable[[NumberRow], T]) -> T:
    # Before the transaction: on MySQL the first SELECT in it would fix what later ones see.
    keys = keys_to_lock(query)
    with own_transaction(query.alias):
        for key in keys:
            lock_limit(query.alias, key)
        return attempt(read_number(query, is_locked=True))
