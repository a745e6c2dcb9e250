"""The conversion breaker: it stops a country or prefix whose codes nobody redeems, and a prefix
that a gateway takes for a source of fraud."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..conf import get_settings
from ..db.rounds import LimitRow, change_row
from ..limits.shared import SharedState
from ..logs import log_fields
from ..models import Limit
from ..signals import breaker_tripped
from ..stats.counts import count
from .pumping import Conversion, conversion_of

__all__ = ["FRAUD_BLOCK", "Trip", "announce", "block", "trip_of"]

logger = logging.getLogger("django_sms_otp")

FRAUD_BLOCK = timedelta(hours=12)
"""As long as Twilio's Fraud Guard blocks a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    return Trip(key=key, share=share, blocks=conversion is Conversion.ATTACK)


def announce(trip: Trip) -> None:
    """Block what has tripped, and tell the site: of a block once, of low conversion hourly."""
    scope = trip.key.partition(":")[2]
    breaker = get_settings().breaker
    if trip.blocks and breaker and get_settings().mode("breaker") == "enforce":
        blocked_until = block(trip.key, breaker.block_for)
        if blocked_until is None:
            return
        extra = log_fields("breaker", outcome="blocked", control="breaker", key=trip.key)
        text = "Breaker %s: %.0f %% redeemed, blocked."
        logger.error(text, trip.key, trip.share * 100, extra=extra)
    else:
        blocked_until = None
        if not count(f"low_conversion:{trip.key.partition(':')[0]}", _region(scope)):
            return
        extra = log_fields("breaker", outcome="alert", control="breaker", key=trip.key)
        logger.warning("Breaker %s: %.0f %% redeemed.", trip.key, trip.share * 100, extra=extra)
    breaker_tripped.send_robust(
        Limit, key=trip.key, conversion=trip.share, blocked_until=blocked_until
    )


def block(key: str, block_for: timedelta) -> datetime | None:
    """Write a block, and return its end; ``None``: there was one already.

    :raises Contention: the row changes all the time.
    """
    blocked: list[datetime] = []

    def change(row: LimitRow) -> Mapping[str, Any]:
        blocked.clear()
        if row.state.blocked_until > row.now.timestamp():
            return row.data
        until = row.now + block_for
        blocked.append(until)
        return replace(row.state, blocked_until=until.timestamp()).to_json()

    change_row(key, change)
    return blocked[0] if blocked else None


def _region(scope: str) -> str:
    return "" if scope.startswith("+") else scope
