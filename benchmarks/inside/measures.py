"""The effort of a request: statements, function calls, processor time."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from types import FrameType

from .browser import Asking
from .counting import statements_made
from .steps import Turns

__all__ = ["calls", "statements", "times"]

COUNTED = ("call", "c_call")
"""Events of ``sys.setprofile``."""

WARM_UP = 3


def statements(turns: Turns, count: int) -> Mapping[str, int]:
    """Return the most statements of each step."""
    most: dict[str, int] = defaultdict(int)

    def measure(step: str, asking: Asking) -> None:
        with statements_made() as made:
            asking()
        most[step] = max(most[step], len(made))

    # Statements that a connection makes once do not count.
    turns.measure(1, lambda step, asking: asking())
    turns.measure(count, measure)
    return most


def calls(turns: Turns, count: int) -> Mapping[str, int]:
    """Return the median of each step's calls of functions, in Python and in C alike."""
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


def times(turns: Turns, count: int) -> Mapping[str, list[float]]:
    """Return the seconds that each request needs of a processor."""
    taken: dict[str, list[float]] = defaultdict(list)

    def measure(step: str, asking: Asking) -> None:
        start = time.thread_time()
        asking()
        taken[step].append(time.thread_time() - start)

    # A collection hits one request in hundreds, by chance.
    gc.collect()
    gc.disable()
    try:
        turns.measure(count, measure)
    finally:
        gc.enable()
    return taken
