"""Function calls and statements of a request: nearly the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..processes import Worker

__all__ = ["STEPS", "Effort", "broken", "effort_of"]

STEPS = ("get-code", "auth-code", "wrong code")

MOST_CALLS: Mapping[str, float] = MappingProxyType(
    {"get-code": 2.0, "auth-code": 1.4, "wrong code": 1.2}
)
"""A promise: as multiples of the bare app's, which does not keep when a user has logged in."""

MOST_STATEMENTS: Mapping[str, int] = MappingProxyType(
    {"get-code": 5, "auth-code": 4, "wrong code": 3}
)
"""A promise."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Of each step."""

    statements: Mapping[str, int]
    calls: Mapping[str, int]

    def calls_beside(self, other: Effort) -> dict[str, float]:
        """Return the calls as multiples of another contestant's."""
        return {step: self.calls[step] / other.calls[step] for step in STEPS}


def effort_of(worker: Worker, requests: int) -> Effort:
    return Effort(worker.tell("statements", 2), worker.tell("calls", requests))


def broken(own: Effort, bare: Effort) -> Iterator[str]:
    """Yield the promises that the app does not keep."""
    for step, ratio in own.calls_beside(bare).items():
        if ratio > MOST_CALLS[step]:
            yield f"{step}: {ratio:.2f} times the bare app's calls, not {MOST_CALLS[step]}"
    for step, count in own.statements.items():
        if count > MOST_STATEMENTS[step]:
            yield f"{step}: {count} statements, not {MOST_STATEMENTS[step]}"
