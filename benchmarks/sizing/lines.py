"""A straight line through measured points, by least squares."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """
    :param slope: what one more costs.
    :param fit: the square of the correlation; 1: all points are on the line.
    """

    slope: float
    intercept: float
    fit: float

    @classmethod
    def through(cls, xs: Sequence[float], ys: Sequence[float]) -> Self:
        """:raises statistics.StatisticsError: fewer than two points, or all at one x."""
        slope, intercept = statistics.linear_regression(xs, ys)
        return cls(slope, intercept, statistics.correlation(xs, ys) ** 2)
