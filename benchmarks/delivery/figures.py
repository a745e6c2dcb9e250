"""What people met while a gateway was down; a row of the table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MOST", "MOST_TIMEOUTS", "Row", "Timed", "p99", "table"]

MOST_TIMEOUTS = 1.0
"""Who meets the gateway that fails has an answer by then."""

MOST = 1.5
"""What counts as slow, in times of a site whose gateways work."""

HEAD = (
    "first gateway",
    "answers until it is passed over",
    "the slowest, in time-outs",
    "answers from then on",
    "their p99, in p99s while it worked",
)


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer, and the seconds that it took."""

    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    :param healthy: answers while both gateways worked.
    :param before: answers from when the gateway failed until it was passed over.
    :param after: answers from then on.
    :param expected: statuses that ``before`` may have.
    :param most_messages: to one number, by both gateways together.
    """

    fault: str
    timeout: float
    healthy: Sequence[Timed]
    before: Sequence[Timed]
    after: Sequence[Timed]
    expected: frozenset[int]
    most_messages: int

    @property
    def slowest(self) -> float:
        return max(each.seconds for each in self.before) / self.timeout

    @property
    def ratio(self) -> float:
        return p99(self.after) / p99(self.healthy)

    @property
    def is_right(self) -> bool:
        """Whether everybody got the right answer, and nobody two messages."""
        before = {each.status for each in self.before}
        rest = {each.status for each in (*self.healthy, *self.after)}
        return before <= self.expected and rest == {202} and self.most_messages == 1

    @property
    def is_fast(self) -> bool:
        return self.slowest <= MOST_TIMEOUTS and self.ratio <= MOST

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.fault,
            _counts(self.before),
            f"{self.slowest:.2f}",
            _counts(self.after),
            f"{self.ratio:.2f}",
        )


def p99(answers: Sequence[Timed]) -> float:
    """Return the seconds that 99 of 100 answers did not exceed."""
    seconds = sorted(each.seconds for each in answers)
    return seconds[math.ceil(len(seconds) * 0.99) - 1]


def table(rows: Iterable[Row]) -> str:
    """Write the rows in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _counts(answers: Iterable[Timed]) -> str:
    counts: Mapping[int, int] = Counter(each.status for each in answers)
    return "; ".join(f"`{status}`: {counts[status]}" for status in sorted(counts))
