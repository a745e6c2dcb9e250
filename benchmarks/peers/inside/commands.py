"""What a contestant's process can be told to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import filling, measures, purging
from .load import Load
from .steps import Turns

__all__ = ["Commands"]


@dataclass
class Commands:
    """Each method is a command; arguments and answers are JSON."""

    turns: Turns
    load: Load | None = None

    def statements(self, count: int) -> Mapping[str, int]:
        return measures.statements(self.turns, count)

    def calls(self, count: int) -> Mapping[str, int]:
        return measures.calls(self.turns, count)

    def times(self, count: int, seconds: float) -> Mapping[str, list[tuple[float, float]]]:
        return measures.times(self.turns, count, seconds)

    def welcome(self, port: int, clients: int, count: int, seconds: float) -> None:
        self.load = Load(self.turns, port, clients)
        self.load.welcome(count, seconds)

    def logins(self, count: int) -> tuple[float, list[float]]:
        assert self.load, "Nobody was welcomed."
        return self.load.logins(count)

    def fill(self, rows: int) -> None:
        """Fill the tables with so many expired codes, of a tenth as many numbers."""
        filling.fill(self.turns.site, rows)

    def refill(self, rows: int) -> None:
        """The same, where there are accounts already."""
        filling.refill(self.turns.site, rows)

    def delete(self) -> float:
        """Return the seconds that one DELETE of all expired codes takes."""
        return purging.delete(self.turns.site)

    def purge(self) -> tuple[float, float] | None:
        """Return the seconds of the site's own purge, and those of its longest statement."""
        return purging.purge(self.turns.site)

    def versions(self) -> Mapping[str, str]:
        return measures.versions()
