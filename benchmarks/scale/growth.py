"""Compares each request beside many codes with the same request beside none."""

from __future__ import annotations

import os
import random
import statistics
import sys
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from ..postgresql import prewarm, server
from ..processes import ROOT, Worker, placed, working
from ..tables import table
from .fill import CODES_OF_A_USER, fill

__all__ = ["buffers", "report"]

MOST = 1.1
"""A promise: times as long beside ten million codes as beside none."""

ENOUGH = 6 * 1024
"""Megabytes of buffers: they hold ten million codes with the users, limits and indexes."""

WARM_UP = 5


def report(*, app: Path | None, rows: int, customers: int) -> list[str]:
    """Print a table; return the broken promises."""
    users = max(rows // CODES_OF_A_USER, customers + WARM_UP)
    numbers = random.sample(range(1, users + 1), customers + WARM_UP)
    on = server(shared_buffers=buffers())
    with ExitStack() as stack:
        probes = {}
        for label, only in (("full", None), ("empty", numbers)):
            place = stack.enter_context(placed("own", on, label=f"_{label}", app=app or ROOT))
            fill(place.database, users, only=only)
            print(f"{label}: {prewarm(place.database)}", file=sys.stderr, flush=True)
            probes[label] = stack.enter_context(working(place, "benchmarks.scale.probe"))
        ratios = _compare(probes, numbers)
    rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
    lines = [(name, f"{ratio:.2f}", f"{MOST}") for name, ratio in rounded.items()]
    print(table(("request", "times as long", "at most"), lines))
    return [f"{name}: {ratio}" for name, ratio in rounded.items() if ratio > MOST]


def _compare(probes: dict[str, Worker], numbers: list[int]) -> dict[str, float]:
    """Let both databases take turns, so that other work of the machine hits both."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn, number in enumerate(numbers):
        for label in random.sample(list(probes), 2):
            for name, seconds in probes[label].tell("story", number).items():
                if turn >= WARM_UP:
                    times[name, label].append(seconds)
    return {
        name: statistics.median(times[name, "full"]) / statistics.median(times[name, "empty"])
        for name in dict.fromkeys(name for name, _ in times)
    }


def buffers() -> str:
    """Return ``shared_buffers``: what is enough, or a quarter of the memory, which PostgreSQL's
    manual suggests."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return f"{min(memory // 4, ENOUGH)}MB"
