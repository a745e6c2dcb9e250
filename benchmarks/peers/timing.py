"""Times of the contestants, as multiples of the bare app's.

The contestants take turns. Each round gives a ratio, and the tables have the median of the
rounds: other work of the machine hits all contestants of a round alike.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from ..processes import Place, Worker, served
from ..rounds import percentile, turned
from .contestants import BARE
from .effort import STEPS

__all__ = ["Contestant", "Load", "Plan", "loads", "shares"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    :param calls: requests of each kind whose function calls are counted.
    :param requests: of a contestant in a round, of each kind.
    :param logins: of a contestant in a round, over HTTP.
    :param turns: of a contestant in a round. The next second's machine may be half as fast.
    :param clients: how many log in at a time.
    """

    calls: int = 30
    rounds: int = 9
    requests: int = 25
    logins: int = 400
    turns: int = 20
    clients: int = 8


@dataclass(frozen=True, slots=True)
class Contestant:
    place: Place
    worker: Worker

    @property
    def name(self) -> str:
        return self.place.site


@dataclass(frozen=True, slots=True)
class Load:
    """Logins a second, and seconds of one login."""

    logins: float
    p50: float
    p99: float

    def beside(self, other: Load) -> Load:
        return Load(self.logins / other.logins, self.p50 / other.p50, self.p99 / other.p99)


@dataclass(slots=True)
class _Made:
    """The logins of one contestant in a round, and the seconds of all its turns."""

    passed: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def load(self) -> Load:
        p50, p99 = percentile(self.seconds, 50), percentile(self.seconds, 99)
        return Load(len(self.seconds) / self.passed, p50, p99)


def shares(contestants: Sequence[Contestant], plan: Plan) -> dict[str, dict[str, float]]:
    """Return the processor time of each step, by contestant."""
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(plan.rounds):
        taken = {
            each.name: _medians(each.worker.tell("times", plan.requests))
            for each in turned(contestants, number)
        }
        for name, mine in taken.items():
            for step in STEPS:
                ratios[name, step].append(mine[step] / taken[BARE][step])
    return {
        each.name: {step: statistics.median(ratios[each.name, step]) for step in STEPS}
        for each in contestants
    }


def loads(contestants: Sequence[Contestant], plan: Plan) -> dict[str, Load]:
    """Return each contestant's logins over HTTP."""
    rounds: dict[str, list[Load]] = defaultdict(list)
    for number in range(plan.rounds):
        found = _round(turned(contestants, number), plan)
        for name, load in found.items():
            rounds[name].append(load.beside(found[BARE]))
    return {
        each.name: Load(
            statistics.median(load.logins for load in rounds[each.name]),
            statistics.median(load.p50 for load in rounds[each.name]),
            statistics.median(load.p99 for load in rounds[each.name]),
        )
        for each in contestants
    }


def _round(contestants: Sequence[Contestant], plan: Plan) -> dict[str, Load]:
    """Let each contestant log visitors in, by a server that lives for this round alone.

    Two servers of the same code differ by some percent for as long as they live.
    """
    made = {each.name: _Made() for each in contestants}
    with ExitStack() as servers:
        for each in contestants:
            server = servers.enter_context(served(each.place))
            each.worker.tell("welcome", server.port, plan.clients, plan.logins)
        for number in range(plan.turns):
            for each in turned(contestants, number):
                passed, seconds = each.worker.tell("logins", plan.logins // plan.turns)
                made[each.name].passed += passed
                made[each.name].seconds += seconds
    return {name: mine.load for name, mine in made.items()}


def _medians(taken: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {step: statistics.median(taken[step]) for step in STEPS}
