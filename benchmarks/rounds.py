"""The order of turns, and statistics of what they took."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["percentile", "turned"]

T = TypeVar("T")


def turned(turns: Sequence[T], number: int) -> Sequence[T]:
    """Return the order of a round: every other round runs backwards, against drift."""
    return turns[::-1] if number % 2 else turns


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
