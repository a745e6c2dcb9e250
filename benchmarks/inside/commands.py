"""The commands that a site's process takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import measures
from .load import Load
from .steps import Turns

__all__ = ["Commands"]


@dataclass
class Commands:
    """Each method is a command. Its arguments and its answer are JSON."""

    turns: Turns
    load: Load | None = None

    def statements(self, count: int) -> Mapping[str, int]:
        return measures.statements(self.turns, count)

    def calls(self, count: int) -> Mapping[str, int]:
        return measures.calls(self.turns, count)

    def times(self, count: int) -> Mapping[str, list[float]]:
        return measures.times(self.turns, count)

    def welcome(self, port: int, clients: int, count: int) -> None:
        self.load = Load(self.turns, port, clients)
        self.load.welcome(count)

    def logins(self, count: int) -> tuple[float, list[float]]:
        assert self.load, "Nobody was welcomed."
        return self.load.logins(count)
