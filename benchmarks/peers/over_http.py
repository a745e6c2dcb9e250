"""Logins over HTTP, of contestants who take turns of a fraction of a second.

A machine that others use as well may be half as fast a second later: what is compared must lie
closer together than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from .plan import Plan
from .process import Contestant
from .rounds import turned

__all__ = ["Logins", "logins"]


@dataclass(slots=True)
class Logins:
    """What one contestant did in a round.

    :ivar passed: seconds of all its turns.
    :ivar seconds: of each login.
    """

    passed: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Logins a second."""
        return len(self.seconds) / self.passed


def logins(contestants: Sequence[Contestant], plan: Plan) -> list[Logins]:
    """Return a round's logins of each contestant, in their order, by a server of its own.

    A server that lives for all rounds has luck or none in all of them: where its memory happens
    to lie makes some percent.
    """
    made = [Logins() for _ in contestants]
    with ExitStack() as servers:
        for each in contestants:
            port = servers.enter_context(each.served())
            each.tell("welcome", port, plan.clients, plan.logins, plan.seconds)
        for number in range(plan.turns):
            for each, mine in turned(list(zip(contestants, made, strict=True)), number):
                passed, seconds = each.tell("logins", plan.logins // plan.turns)
                mine.passed += passed
                mine.seconds += seconds
    return made
