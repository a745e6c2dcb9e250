"""A row of the table: what the limits allow an attack, and what it got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.server import Answer

__all__ = ["Figure", "Row", "answered", "outcome", "table"]

HEAD = ("attack", "parameters", "allowed by the limits", "measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    :param allowed: exactly so many, or at most so many; ``None``: there is no limit.
    :param measured: in each round.
    """

    what: str
    allowed: int | None
    measured: Sequence[int]
    at_most: bool = False

    @property
    def holds(self) -> bool:
        if self.allowed is None:
            return True
        if self.at_most:
            return max(self.measured) <= self.allowed
        return set(self.measured) == {self.allowed}

    @property
    def allowed_text(self) -> str:
        return f"{self.what}: {'at most ' if self.at_most else ''}{self.allowed}"

    @property
    def measured_text(self) -> str:
        least, most = min(self.measured), max(self.measured)
        return f"{self.what}: {most if least == most else f'{least} to {most}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    attack: str
    parameters: str
    figures: Sequence[Figure]

    @property
    def holds(self) -> bool:
        return all(figure.holds for figure in self.figures)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        limited = [each.allowed_text for each in self.figures if each.allowed is not None]
        measured = [each.measured_text for each in self.figures]
        return self.attack, self.parameters, "; ".join(limited), "; ".join(measured)


def outcome(answer: Answer) -> str:
    """Name an answer by its status, and its stable word if it is an error."""
    return f"{answer.status} {answer.body.get('code', '')}".strip()


def answered(expected: Mapping[str, int], rounds: Iterable[Iterable[Answer]]) -> list[Figure]:
    """Compare the answers of each round. An answer of another kind is a figure too."""
    counts = [Counter(map(outcome, answers)) for answers in rounds]
    others = {name for count in counts for name in count} - set(expected)
    wanted = {**expected, **dict.fromkeys(sorted(others), 0)}
    return [
        Figure(what=f"`{what}`", allowed=allowed, measured=[count[what] for count in counts])
        for what, allowed in wanted.items()
        if allowed or what in others or any(count[what] for count in counts)
    ]


def table(rows: Iterable[Row]) -> str:
    """Write the rows in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
