"""How long people take from the message to the redemption of its code: a histogram.

Each code counts in one event, named by the upper bound of its seconds: ``redeemed_in:30``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import inf

__all__ = ["BOUNDS", "HISTOGRAM", "LONGER", "event_within", "percentile"]

BOUNDS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 3600)
"""Seconds. Most people take 10 to 60, so there the bounds lie close."""

LONGER = "redeemed_in:longer"
"""The event of codes that took longer than the last bound."""


def event_within(bound: int) -> str:
    """Return the event of the codes that took no longer than this bound."""
    return f"redeemed_in:{bound}"


HISTOGRAM = (*map(event_within, BOUNDS), LONGER)
"""The events, the shortest time first."""


def percentile(counts: Mapping[str, int], share: float) -> float | None:
    """Return about how many seconds this share of the codes took at most.

    Within two bounds the codes are taken to be spread evenly. It is ``inf`` if the time is
    beyond the last bound, and ``None`` if no code was counted.

    :param counts: the number of codes by event.
    :param share: 0.5 for the median.
    """
    left = share * sum(counts.get(event, 0) for event in HISTOGRAM)
    if not left:
        return None
    for lower, upper, count in _steps(counts):
        if left <= count:
            return lower + (upper - lower) * left / count
        left -= count
    return inf


def _steps(counts: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    for lower, upper in pairwise((0, *BOUNDS)):
        yield lower, upper, counts.get(event_within(upper), 0)
