"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    :param people: who have logged in for the first time, at each point.
    :param codes: rows of expired codes, at each point.
    :param sample: logins of people with an account, at each point.
    :param turn: seconds of a site's turn; ``rounds`` of them.
    :param clients: that ask for codes at a time.
    """

    people: tuple[int, ...]
    codes: tuple[int, ...]
    sample: int
    turn: float
    rounds: int
    clients: tuple[int, ...]


FULL = Plan(
    people=(2_500, 5_000, 7_500, 10_000),
    codes=(50_000, 100_000, 200_000),
    sample=1_500,
    turn=3,
    rounds=5,
    clients=(1, 4, 16),
)

QUICK = Plan(
    people=(20, 40, 60), codes=(2_000, 4_000), sample=20, turn=0.3, rounds=1, clients=(1, 4)
)
