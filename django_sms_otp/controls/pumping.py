"""SMS pumping: decisions over what shared rows remember of unverified numbers. Pure.

Residential proxies give an attacker any number of addresses. What he cannot fake is that codes
are redeemed: so messages to unverified numbers are rationed by what came back of earlier ones.
"""

from __future__ import annotations

import enum

from ..conf import Breaker, Budget
from ..limits.shared import DAY, HOUR, SharedCounters

__all__ = ["Conversion", "conversion_of", "country_is_over", "network_is_over"]

HOURS_OF_A_BUSY_DAY = 6
"""A day's share divided by so many is an hour's: traffic is no flat line."""


class Conversion(enum.Enum):
    """What the share of redeemed codes says."""

    HEALTHY = "healthy"
    LOW = "low"
    ATTACK = "attack"


def country_is_over(
    budget: Budget, state: SharedCounters, now: float, *, busiest_day: int
) -> bool:
    """Tell whether too many messages to a country's unverified numbers are unredeemed.

    :param busiest_day: most codes that were redeemed there on one of the last 14 days.
    """
    day, hour = state.last(DAY, now), state.last(HOUR, now)
    in_a_day = max(
        budget.country_day, budget.share_day * busiest_day, budget.share_day * day.redeemed
    )
    in_an_hour = max(
        budget.country_hour,
        budget.share_hour * busiest_day / HOURS_OF_A_BUSY_DAY,
        budget.share_hour * hour.redeemed,
    )
    return day.unredeemed >= int(in_a_day) or hour.unredeemed >= int(in_an_hour)


def network_is_over(budget: Budget, state: SharedCounters, now: float, *, region: str) -> bool:
    """Tell whether too many messages that an address asked for are unredeemed, or went to too
    many countries without one that was redeemed."""
    day, hour = state.last(DAY, now), state.last(HOUR, now)
    in_a_day = max(budget.ip_day, budget.share_day * day.redeemed)
    in_an_hour = max(budget.ip_hour, budget.share_hour * day.redeemed / HOURS_OF_A_BUSY_DAY)
    if day.unredeemed >= int(in_a_day) or hour.unredeemed >= int(in_an_hour):
        return True
    is_trusted = state.regions.get(region, (now, False))[1]
    return not is_trusted and len(state.strange_regions(now) | {region}) > budget.ip_countries


def conversion_of(
    breaker: Breaker, state: SharedCounters, now: float
) -> tuple[Conversion, float]:
    """Judge the share of an hour's codes that was redeemed, the youngest left out."""
    until = now - breaker.settle.total_seconds()
    settled = state.settled(HOUR, until)
    if settled.sent < breaker.least or settled.conversion >= breaker.alert_below:
        return Conversion.HEALTHY, settled.conversion
    if settled.conversion >= breaker.block_below:
        return Conversion.LOW, settled.conversion
    return Conversion.ATTACK, settled.conversion
