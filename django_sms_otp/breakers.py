"""The conversion breaker: it stops a country or prefix whose codes nobody redeems."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .conf import get_settings
from .counts import count
from .events import event
from .models import Limit
from .pumping import Conversion, conversion_of
from .rounds import LimitRow, change_row
from .signals import breaker_tripped
from .traffic import SharedState

__all__ = ["Trip", "announce", "trip_of"]

logger = logging.getLogger("django_sms_otp")


@dataclass(frozen=True, slots=True)
class Trip:
    """A country or prefix whose conversion is low; ``blocks``: too low to go on.

    :param share: of its codes that were redeemed, from 0 to 1.
    """

    key: str
    share: float
    blocks: bool


def trip_of(key: str, state: SharedState, now: float) -> Trip | None:
    """Return the trip that a shared row calls for; ``None``: all is well, or it has tripped."""
    breaker = get_settings().breaker
    if breaker is None or state.blocked_until > now:
        return None
    conversion, share = conversion_of(breaker, state, now)
    if conversion is Conversion.HEALTHY:
        return None
    return Trip(key, share, blocks=conversion is Conversion.ATTACK)


def announce(trip: Trip) -> None:
    """Block what has tripped, and tell the site: of a block once, of low conversion hourly."""
    scope = trip.key.partition(":")[2]
    if trip.blocks and get_settings().mode("breaker") == "enforce":
        blocked_until = _block(trip)
        if blocked_until is None:
            return
        said = event("breaker", outcome="blocked", control="breaker", key=trip.key)
        text = "Breaker %s: %.0f %% redeemed, blocked."
        logger.error(text, trip.key, trip.share * 100, extra=said)
    else:
        blocked_until = None
        if not count(f"low_conversion:{trip.key.partition(':')[0]}", _region(scope)):
            return
        said = event("breaker", outcome="alert", control="breaker", key=trip.key)
        logger.warning("Breaker %s: %.0f %% redeemed.", trip.key, trip.share * 100, extra=said)
    breaker_tripped.send_robust(
        Limit, key=trip.key, conversion=trip.share, blocked_until=blocked_until
    )


def _region(scope: str) -> str:
    return "" if scope.startswith("+") else scope


def _block(trip: Trip) -> datetime | None:
    """Write the block; ``None``: another request was faster."""
    breaker = get_settings().breaker
    blocked: list[datetime] = []

    def block(row: LimitRow) -> Mapping[str, Any]:
        blocked.clear()
        if breaker is None or row.state.blocked_until > row.now.timestamp():
            return row.data
        until = row.now + breaker.block_for
        blocked.append(until)
        return replace(row.state, blocked_until=until.timestamp()).to_json()

    change_row(trip.key, block)
    return blocked[0] if blocked else None
