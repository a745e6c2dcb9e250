"""The conversion breaker.

It blocks a country or prefix if too few of its codes are redeemed, and a prefix if a gateway
reports fraud.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..conf import get_settings
from ..db import LimitRow, Write, change_limit
from ..limits.keys import PREFIX, LimitKey
from ..limits.shared import HOUR, SharedCounters
from ..logs import log_fields
from ..models import Limit
from ..signals import breaker_tripped
from ..stats.counts import count

__all__ = ["FRAUD_BLOCK", "Trip", "announce", "block", "trip_of"]

logger = logging.getLogger("django_sms_otp")

FRAUD_BLOCK = timedelta(hours=12)
"""Twilio's Fraud Guard blocks a prefix for the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A country or prefix with a low conversion.

    :param share: the share of its codes that were redeemed, from 0 to 1.
    :param blocks: whether the share is so low that no more messages may go there.
    """

    key: LimitKey
    share: float
    blocks: bool


def trip_of(key: LimitKey, counters: SharedCounters, now: float) -> Trip | None:
    """Return the trip that a row calls for, or ``None`` if the row is healthy or blocked.

    The hour that counts ends ``breaker.settle`` ago: people need time to type their codes.
    """
    breaker = get_settings().breaker
    if breaker is None or counters.blocked_until > now:
        return None
    hour = counters.settled(HOUR, now - breaker.settle.total_seconds())
    share = hour.conversion
    if hour.sent < breaker.least or share >= breaker.alert_below:
        return None
    return Trip(key=key, share=share, blocks=share < breaker.block_below)


def announce(trip: Trip) -> None:
    """Block a country or prefix, if the site enforces that, and alert the site.

    A block is announced once, a low conversion once an hour.
    """
    breaker = get_settings().breaker
    if trip.blocks and breaker and get_settings().mode("breaker") == "enforce":
        blocked_until = block(trip.key, breaker.block_for)
        if blocked_until is None:
            return
        extra = log_fields("breaker", outcome="blocked", control="breaker", key=str(trip.key))
        text = "Breaker %s: %.0f %% redeemed, blocked."
        logger.error(text, trip.key, trip.share * 100, extra=extra)
    else:
        blocked_until = None
        region = "" if trip.key.kind == PREFIX else trip.key.subject
        if not count(f"low_conversion:{trip.key.kind}", region):
            return
        extra = log_fields("breaker", outcome="alert", control="breaker", key=str(trip.key))
        logger.warning("Breaker %s: %.0f %% redeemed.", trip.key, trip.share * 100, extra=extra)
    breaker_tripped.send_robust(
        Limit, key=str(trip.key), conversion=trip.share, blocked_until=blocked_until
    )


def block(key: LimitKey, block_for: timedelta) -> datetime | None:
    """Block a row. Return the end of the block, or ``None`` if there was a block already.

    :raises Contention: another request changed the row in every attempt.
    """
    until: datetime | None = None

    def change(row: LimitRow) -> Write | None:
        nonlocal until
        until = None
        if row.counters.blocked_until > row.now.timestamp():
            return None
        until = row.now + block_for
        return row.with_counters(replace(row.counters, blocked_until=until.timestamp()))

    change_limit(key, change)
    return until
