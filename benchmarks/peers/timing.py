"""Times of contestants beside each other's, measured in rounds: ABC, CBA.

Each round has a ratio of its own, and the median of them is what is told: what else the machine
does for a while hits all of a round alike.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contestants import BARE
from .effort import STEPS
from .over_http import logins
from .plan import Plan
from .process import Contestant
from .rounds import turned

__all__ = ["Growth", "Load", "Share", "growth", "loads", "percentile", "shares"]

Seconds = Sequence[float]


@dataclass(frozen=True, slots=True)
class Share:
    """Time of a processor as a multiple of the bare app's.

    :param median: of all requests.
    :param quiet: 10th percentile of them, when little else ran.
    """

    median: float
    quiet: float


@dataclass(frozen=True, slots=True)
class Load:
    """Logins a second, and times of one login, as multiples of the bare app's."""

    logins: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Beside many rows, as a multiple of beside none.

    :param times: of each step, on the wall, in process; and of a whole login.
    :param logins: a second, over HTTP.
    """

    times: Mapping[str, float]
    logins: float


def shares(contestants: Sequence[Contestant], plan: Plan) -> dict[str, dict[str, Share]]:
    """Return the processor time of each step, by contestant."""
    rounds: dict[str, list[dict[str, Share]]] = defaultdict(list)
    for number in range(plan.rounds):
        taken = {each.name: _processor(each, plan) for each in turned(contestants, number)}
        for name, mine in taken.items():
            rounds[name].append({step: _share(mine[step], taken[BARE][step]) for step in STEPS})
    return {
        name: {
            step: Share(
                statistics.median(each[step].median for each in found),
                statistics.median(each[step].quiet for each in found),
            )
            for step in STEPS
        }
        for name, found in rounds.items()
    }


def loads(contestants: Sequence[Contestant], plan: Plan) -> dict[str, Load]:
    """Return what each contestant does over HTTP."""
    rounds: dict[str, list[Load]] = defaultdict(list)
    for number in range(plan.rounds):
        order = turned(contestants, number)
        found = dict(zip((each.name for each in order), logins(order, plan), strict=True))
        for name, mine in found.items():
            rounds[name].append(
                Load(
                    mine.rate / found[BARE].rate,
                    percentile(mine.seconds, 50) / percentile(found[BARE].seconds, 50),
                    percentile(mine.seconds, 99) / percentile(found[BARE].seconds, 99),
                )
            )
    return {
        name: Load(
            *(
                statistics.median(getattr(each, what) for each in found)
                for what in ("logins", "p50", "p99")
            )
        )
        for name, found in rounds.items()
    }


def growth(by_rows: Mapping[int, Contestant], plan: Plan) -> dict[int, Growth]:
    """Return how much longer one contestant takes beside more rows.

    :param by_rows: it, on databases of different sizes, one of them 0.
    """
    times: dict[int, list[dict[str, float]]] = defaultdict(list)
    rates: dict[int, list[float]] = defaultdict(list)
    for number in range(plan.repeats):
        order = turned(list(by_rows), number)
        wall = {rows: _wall(by_rows[rows], plan) for rows in order}
        made = logins([by_rows[rows] for rows in order], plan)
        rate = {rows: mine.rate for rows, mine in zip(order, made, strict=True)}
        for rows in by_rows:
            times[rows].append({what: wall[rows][what] / wall[0][what] for what in wall[0]})
            rates[rows].append(rate[rows] / rate[0])
    return {
        rows: Growth(
            {what: statistics.median(each[what] for each in found) for what in found[0]},
            statistics.median(rates[rows]),
        )
        for rows, found in times.items()
    }


def _processor(contestant: Contestant, plan: Plan) -> dict[str, Seconds]:
    taken = contestant.tell("times", plan.requests, plan.seconds)
    return {step: [processor for processor, _ in taken[step]] for step in STEPS}


def _wall(contestant: Contestant, plan: Plan) -> dict[str, float]:
    taken = contestant.tell("times", plan.requests, plan.seconds)
    medians = {step: statistics.median(wall for _, wall in taken[step]) for step in STEPS}
    return {**medians, "login": medians["get-code"] + medians["auth-code"]}


def _share(mine: Seconds, bare: Seconds) -> Share:
    return Share(
        statistics.median(mine) / statistics.median(bare),
        percentile(mine, 10) / percentile(bare, 10),
    )


def percentile(values: Seconds, percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
