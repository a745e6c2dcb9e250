"""What a request takes: statements, function calls, time of a processor."""

from __future__ import annotations

import gc
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from types import FrameType

import django
from django.db import connection

from benchmarks.counting import statements_made

from .browser import Asking
from .steps import Turns

__all__ = ["calls", "statements", "times", "versions"]

COUNTED = ("call", "c_call")
"""Events of ``sys.setprofile``."""

WARM_UP = 3


def statements(turns: Turns, count: int) -> Mapping[str, int]:
    """Return the most statements that each step made."""
    most: dict[str, int] = defaultdict(int)

    def measure(step: str, asking: Asking) -> None:
        with statements_made() as made:
            asking()
        most[step] = max(most[step], len(made))

    # What is sent once a connection, such as plans to be kept, is not counted.
    turns.measure(1, lambda step, asking: asking())
    turns.measure(count, measure)
    return most


def calls(turns: Turns, count: int) -> Mapping[str, int]:
    """Return the median of the function calls in each step: of functions written in Python and
    in C alike.
    """
    made: dict[str, list[int]] = defaultdict(list)

    def measure(step: str, asking: Asking) -> None:
        counted = 0

        def note(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event in COUNTED

        sys.setprofile(note)
        try:
            asking()
        finally:
            sys.setprofile(None)
        made[step].append(counted)

    turns.measure(WARM_UP, lambda step, asking: asking())
    turns.measure(count, measure)
    return {step: round(statistics.median(each)) for step, each in made.items()}


def times(turns: Turns, count: int, seconds: float) -> Mapping[str, list[tuple[float, float]]]:
    """Return seconds on a processor and on the wall of each request.

    :param seconds: after which no more are begun.
    """
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def measure(step: str, asking: Asking) -> None:
        wall, processor = time.perf_counter(), time.thread_time()
        asking()
        taken[step].append((time.thread_time() - processor, time.perf_counter() - wall))

    # Collections hit one request in hundreds, and whose it is, is chance.
    gc.collect()
    gc.disable()
    try:
        turns.measure(count, measure, seconds=seconds)
    finally:
        gc.enable()
    return taken


def versions() -> Mapping[str, str]:
    """Return the versions of what runs below each contestant."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone()
    return {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "PostgreSQL": str(server),
    }
