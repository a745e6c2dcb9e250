"""Optimistic changes of a number: the concurrency control of the whole app.

An attempt reads the number's row and decides. Then it replaces the row and does the other
writes in one transaction, on the condition that the row still has the version that was read.
If another request was faster, no row matches, the transaction is rolled back, and the next
attempt reads again. So decisions are exact under any number of parallel requests, on every
database, and no row is locked while an attempt decides.

All transactions take locks in one order. The number's row is first, and guards its codes.
Shared rows follow in the order of their keys, then the users. After a few lost races, an
attempt locks the rows before it reads them.
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
from ..phone import E164
from .numbers import NumberQuery, NumberRow, keys_to_lock, read_number
from .rows import LimitRow, lock_limit
from .transactions import MOST_ATTEMPTS, Races, database_alias, own_transaction
from .writes import LostRace, Write, write_in_order

__all__ = ["change_limit", "change_number"]

T = TypeVar("T")

OPTIMISTIC_ATTEMPTS = 3
"""Later attempts lock the rows before they read them, so they win."""


def change_number(
    phone_number: str | None,
    attempt: Callable[[NumberRow], T],
    *,
    purpose: str = "",
    context: str = "",
    shared: Iterable[LimitKey] = (),
    request_id: uuid.UUID | None = None,
) -> T:
    """Call ``attempt`` with the number's row until its writes win, and return its result.

    ``attempt`` may be called several times. Only the writes of the last call are committed.

    :param phone_number: the number in E.164; ``None`` for the number of ``request_id``.
    :param purpose: the purpose of the codes to read.
    :param context: the context of the codes to read.
    :param shared: the keys of the shared rows to read.
    :raises Contention: no attempt won.
    """
    # No report of an error shows the number, whoever calls.
    phone_number = phone_number and E164(phone_number)
    query = NumberQuery(
        alias=database_alias(),
        phone_number=phone_number,
        purpose=purpose,
        context=context,
        shared=tuple(shared),
        request_id=request_id,
    )
    has_clashed = False
    races = Races()
    lost: Exception | None = None
    for number in range(MOST_ATTEMPTS):
        try:
            if number < OPTIMISTIC_ATTEMPTS:
                return attempt(read_number(query))
            return _locked_attempt(query, attempt)
        except LostRace as error:
            lost = error
        except IntegrityError:
            # Two logins created the same account, and the next attempt finds it. If the error
            # comes again, it is not a race.
            if has_clashed:
                raise
            has_clashed = True
        except DatabaseError as error:
            if not races.was_lost(error):
                raise
            lost = error
    raise Contention("The rows of this number changed in every attempt.") from lost


def change_limit(key: LimitKey, change: Callable[[LimitRow], Write | None]) -> None:
    """Change one shared row in a transaction of its own.

    The row is locked while ``change`` decides, so no change is lost.

    :param change: returns the write that replaces the row, or ``None`` to leave it unchanged.
        It may be called several times.
    :raises Contention: every attempt lost a race.
    """
    alias = database_alias()
    rows = Limit.objects.using(alias).filter(kind=key.kind, subject=key.subject)
    races = Races()
    lost: Exception | None = None
    for _ in range(MOST_ATTEMPTS):
        try:
            with own_transaction(alias):
                lock_limit(alias, key)
                row = LimitRow.of(key, rows.first(), timezone.now())
                if write := change(row):
                    with connections[alias].cursor() as cursor:
                        write_in_order(cursor, [write])
                return
        except LostRace as error:
            lost = error
        except DatabaseError as error:
            if not races.was_lost(error):
                raise
            lost = error
    raise Contention("The row changed in every attempt.") from lost


def _locked_attempt(query: NumberQuery, attempt: Callable[[NumberRow], T]) -> T:
    # Before the transaction: on MySQL its first SELECT fixes the snapshot of all later ones.
    keys = keys_to_lock(query)
    with own_transaction(query.alias):
        for key in keys:
            lock_limit(query.alias, key)
        return attempt(read_number(query, is_locked=True))
