"""All that is measured, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass

from . import growth, rates
from .costs import Cost
from .growth import Growth
from .plan import Plan

__all__ = ["Results", "broken_laws", "measure"]

LEAST_FIT = 0.98
MOST = 1.5
"""Times what it takes at the first point. What grows with rows takes more at a hundred times as
many; noise takes less.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """:param without: what a login takes of the database where each request makes a connection,
    in what it takes otherwise.
    """

    growth: Growth
    workers: list[rates.Workers]
    connections: list[rates.Connected]
    without: float
    hot_rows: list[rates.HotRow]


def measure(plan: Plan) -> Results:
    people = rates.new_people()
    grown = growth.measure(plan)
    workers = rates.by_workers(plan, people)
    connections, without = rates.connected(plan, people)
    return Results(
        growth=grown,
        workers=workers,
        connections=connections,
        without=without,
        hot_rows=list(rates.hot_rows(plan, people)),
    )


def broken_laws(results: Results) -> list[str]:
    """Tell what is not as the page says."""
    grown = results.growth
    lines = {name: grown.line(name) for name in grown.real[0].sizes}
    lines["copied codes"] = grown.line_of_copies
    broken = [
        f"{name}: no straight line ({line.fit:.3f})"
        for name, line in lines.items()
        if line.fit < LEAST_FIT
    ]
    points = [*grown.real, *grown.filled]
    for figure in Cost.__slots__:
        first = getattr(points[0].again, figure)
        most = max(getattr(point.again, figure) for point in points) / first
        if most > MOST:
            broken.append(f"{figure} of a login: up to {most:.2f} times the first")
    broken += [
        f"{each.most} connections of {each.workers} processes with {each.threads} threads"
        for each in results.connections
        if each.most > each.workers * each.threads
    ]
    return broken
