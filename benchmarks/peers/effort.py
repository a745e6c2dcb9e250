"""What a request takes in calls and statements: the same in every run, on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from .process import Contestant

__all__ = ["STEPS", "Effort", "efforts"]

STEPS = ("get-code", "auth-code", "wrong code")


@dataclass(frozen=True, slots=True)
class Effort:
    """By step."""

    statements: Mapping[str, int]
    calls: Mapping[str, int]

    @classmethod
    def of(cls, contestant: Contestant, count: int) -> Self:
        """:param count: of requests; of the calls it is their median."""
        return cls(contestant.tell("statements", 2), contestant.tell("calls", count))

    def calls_beside(self, other: Effort) -> dict[str, float]:
        """Return the calls as multiples of another's."""
        return {step: self.calls[step] / other.calls[step] for step in STEPS}


def efforts(contestants: Iterable[Contestant], count: int) -> dict[str, Effort]:
    """Return what each contestant takes, by name."""
    return {each.name: Effort.of(each, count) for each in contestants}
