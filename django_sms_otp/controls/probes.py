"""Counts who asks whether numbers have an account, where the site tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..conf import get_settings
from ..db.rounds import LimitRow, change_row
from ..phone import PhoneNumber
from .callers import Caller
from .quotas import Use, uses_of
from .stores import get_store

__all__ = ["count_probe"]


def count_probe(phone_number: PhoneNumber, caller: Caller) -> datetime | None:
    """Count a number that was asked for in vain against the limit of its IP address.

    Otherwise the endpoint would tell a whole list of numbers apart at any speed. Return when
    the address may ask again; ``None``: now.
    """
    uses = uses_of(phone_number, caller, get_settings())
    use = next((use for use in uses if use.control == "ip"), None)
    if use is None:
        return None
    free_at = _take_from_store(use) if get_store() else _take_from_row(use)
    return datetime.fromtimestamp(free_at, UTC) if free_at and use.enforced else None


def _take_from_row(use: Use) -> float | None:
    waits: list[float | None] = []

    def take(row: LimitRow) -> Mapping[str, Any]:
        now = row.now.timestamp()
        waits.append(row.state.free_at(use.rates, now))
        if waits[-1] is not None and use.enforced:
            return row.data
        return row.state.with_use(use.rates, now).to_json()

    change_row(use.key, take)
    return waits[-1]


def _take_from_store(use: Use) -> float | None:
    store = get_store()
    if store is None:
        return None
    return store.take([use], datetime.now(UTC).timestamp()).waits.get(use.control)
