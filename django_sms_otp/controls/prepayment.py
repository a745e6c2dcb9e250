"""Counts a use before anything costs money: at once, in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..conf import get_settings
from ..db import LimitRow, Write, change_limit
from ..limits.shared import UNLIMITED
from ..phone import PhoneNumber
from .base import Violation
from .callers import Caller
from .quotas import QuotaCharge, charges_of
from .stores import get_store

__all__ = ["take_from_address", "take_now"]


def take_from_address(phone_number: PhoneNumber, caller: Caller) -> Violation | None:
    """Count one request for a number against the limits of the caller's address.

    Return the limit that is used up, or ``None`` if the address may go on.
    """
    charges = charges_of(phone_number, caller, get_settings())
    return take_now([each for each in charges if each.is_by_address])


def take_now(charges: Sequence[QuotaCharge]) -> Violation | None:
    """Count one use of each limit, in this order.

    Return the first limit that is used up and refuses, or ``None`` if all of them let the use
    pass. The limits behind a full one count nothing.

    :raises Contention: another request changed a row in every attempt.
    :raises Unavailable: the store of limits did not answer.
    """
    store = get_store()
    if store and charges:
        waits = store.take(charges, datetime.now(UTC).timestamp()).waits
        full = (each for each in charges if each.enforced and each.control in waits)
        return next((_violation(each, waits[each.control]) for each in full), None)
    for charge in charges:
        free_at = _take_from_row(charge)
        if free_at is not None and charge.enforced:
            return _violation(charge, free_at)
    return None


def _violation(charge: QuotaCharge, free_at: float) -> Violation:
    return Violation(
        control=charge.control,
        reason="quota_exceeded",
        free_at=datetime.fromtimestamp(free_at, UTC),
    )


def _take_from_row(charge: QuotaCharge) -> float | None:
    free_at: float | None = None

    def take(row: LimitRow) -> Write | None:
        nonlocal free_at
        now = row.now.timestamp()
        free_at = row.counters.free_at(charge.rates, now)
        if free_at is not None and charge.enforced:
            return None
        counters = row.counters.with_use(charge.rates, now)
        # Most calls change no more than the uses of the grain. Then the request that this use
        # belongs to need not read the row again. The room guards a row that another request
        # has made meanwhile: there was nothing to lock.
        room = counters.room(charge.rates, now) if charge.enforced else UNLIMITED
        return row.counted(counters, room)

    change_limit(charge.key, take)
    return free_at
