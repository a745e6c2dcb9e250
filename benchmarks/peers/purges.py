"""A purge beside a single DELETE of the same rows."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .plan import Plan
from .process import Contestant

__all__ = ["Purge", "purge"]


@dataclass(frozen=True, slots=True)
class Purge:
    """
    :param ratio: of the time to that of a single DELETE.
    :param longest: seconds of the longest DELETE, during which its rows are locked.
    """

    ratio: float
    longest: float


def purge(contestant: Contestant, plan: Plan) -> Purge | None:
    """Return how the contestant's own command does; ``None``: it has none."""
    if contestant.tell("purge") is None:
        return None
    contestant.tell("fill", plan.purged)
    # This app's own also adds up, once, what it has not yet added up: see docs/benchmarks.md.
    contestant.tell("purge")
    found = []
    for _ in range(plan.purges):
        contestant.tell("refill", plan.purged)
        seconds, longest = contestant.tell("purge")
        contestant.tell("refill", plan.purged)
        found.append(Purge(seconds / contestant.tell("delete"), longest))
    return Purge(
        statistics.median(each.ratio for each in found), max(each.longest for each in found)
    )
