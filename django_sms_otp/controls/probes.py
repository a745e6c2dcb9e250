"""Counts requests for unknown numbers, if the site answers them openly."""

from __future__ import annotations

from datetime import UTC, datetime

from ..conf import get_settings
from ..db import LimitRow, Write, change_limit
from ..limits.keys import IP
from ..phone import PhoneNumber
from .callers import Caller
from .quotas import QuotaCharge, charges_of
from .stores import get_store

__all__ = ["count_probe"]


def count_probe(phone_number: PhoneNumber, caller: Caller) -> datetime | None:
    """Count a request for an unknown number against the limit of the caller's IP address.

    Otherwise a caller could find the customers in a list of numbers at any speed. Return when
    the address may ask again, or ``None`` if it may ask now.
    """
    charges = charges_of(phone_number, caller, get_settings())
    charge = next((each for each in charges if each.control == IP), None)
    if charge is None:
        return None
    store = get_store()
    if store:
        free_at = store.take([charge], datetime.now(UTC).timestamp()).waits.get(IP)
    else:
        free_at = _take_from_row(charge)
    return datetime.fromtimestamp(free_at, UTC) if free_at and charge.enforced else None


def _take_from_row(charge: QuotaCharge) -> float | None:
    free_at: float | None = None

    def take(row: LimitRow) -> Write | None:
        nonlocal free_at
        now = row.now.timestamp()
        free_at = row.counters.free_at(charge.rates, now)
        if free_at is not None and charge.enforced:
            return None
        return row.with_counters(row.counters.with_use(charge.rates, now))

    change_limit(charge.key, take)
    return free_at
