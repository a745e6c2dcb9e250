"""SMS pumping: decisions by the cohorts of unverified numbers. No I/O.

Residential proxies give an attacker any number of addresses, but an attacker cannot redeem the
codes. So the messages to unverified numbers are rationed by the share of earlier codes that
were redeemed.
"""

from __future__ import annotations

from ..conf import Budget
from ..limits.shared import DAY, HOUR, SharedCounters

__all__ = ["country_is_over", "network_is_over"]

HOURS_OF_A_BUSY_DAY = 6
"""The busiest hour of a day is taken to have a sixth of the day's traffic."""


def country_is_over(
    budget: Budget, state: SharedCounters, now: float, *, busiest_day: int
) -> bool:
    """Return whether too many messages to unverified numbers of a country are unredeemed.

    :param busiest_day: the most codes of the country redeemed on one of the last 14 days.
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
    """Return whether an address has asked for too many unredeemed messages.

    It also has if its messages went to too many countries in which none was redeemed.
    """
    day, hour = state.last(DAY, now), state.last(HOUR, now)
    in_a_day = max(budget.ip_day, budget.share_day * day.redeemed)
    in_an_hour = max(budget.ip_hour, budget.share_hour * day.redeemed / HOURS_OF_A_BUSY_DAY)
    if day.unredeemed >= int(in_a_day) or hour.unredeemed >= int(in_an_hour):
        return True
    is_trusted = state.regions.get(region, (now, False))[1]
    return not is_trusted and len(state.strange_regions(now) | {region}) > budget.ip_countries
