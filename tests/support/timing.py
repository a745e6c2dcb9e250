"""Which of several things takes longer? Told by statistics, on a machine with other work.

The things take turns, in a new order each time. Next to them runs a yardstick: one of them with
something added that a difference is to be no larger than. So neither a slow machine nor a busy
one is taken for a difference, and a measurement that could not have found one says so.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache

__all__ = ["MOST", "WARM_UP", "Race", "no_garbage_collection", "wilcoxon"]

WARM_UP, BATCH, MOST = 10, 30, 300
"""Turns: thrown away, between two looks at the yardstick, and in all."""

TOLERANCE = 2 / 3
"""Of the yardstick: a difference that is none."""

LONGEST = 8
"""Seconds of a race, on a machine that is too busy for all turns."""

SUSPICIOUS, SIGNIFICANT, CLEAR = 2.5, 4.5, 5.5
"""Standard deviations: of who keeps a race going, of who differs, and of a yardstick that may
end it. By chance the second comes less than once in a hundred thousand comparisons."""

SCHEDULE = "/proc/thread-self/schedstat"
"""Linux: nanoseconds on a processor, nanoseconds waiting for one, and how often."""


class Race:
    """
    :param runners: by name, called once a turn.
    :param reference: whom the others are compared with.
    :param yardstick: who is longer than the reference by what is to be found.
    """

    def __init__(
        self, runners: Mapping[str, Callable[[], object]], *, reference: str, yardstick: str
    ) -> None:
        self._runners = runners
        self._reference, self._yardstick = reference, yardstick
        self._times: dict[str, list[int]] = {name: [] for name in runners}

    def run(self) -> None:
        """Take turns until the yardstick stands out clearly, and nobody else seems to; or
        to the end: chance does not last for so long."""
        with no_garbage_collection():
            self._turns(WARM_UP)
            for times in self._times.values():
                times.clear()
            end = time.monotonic() + LONGEST
            while not self._is_over(end):
                self._turns(BATCH)

    @property
    def is_decided(self) -> bool:
        """Whether the yardstick stands out: a difference would have been found."""
        return self._deviation(self._yardstick) > SIGNIFICANT

    def odd_ones(self, threshold: float = SIGNIFICANT) -> list[str]:
        """Name those that differ from the reference more than ``TOLERANCE`` allows."""
        most = self._difference(self._yardstick) * TOLERANCE
        others = [name for name in self._runners if name != self._yardstick]
        return [
            name
            for name in others
            if abs(self._difference(name)) > most and abs(self._deviation(name)) > threshold
        ]

    def __str__(self) -> str:
        turns = len(self._times[self._reference])
        median = statistics.median(self._times[self._reference]) / 1000
        longer = {name: self._difference(name) / 1000 for name in self._runners}
        lines = [
            f"  {name}: {longer[name]:+.0f} us, {self._deviation(name):+.1f} sd"
            for name in longer
        ]
        return "\n".join([f"{self._reference}: {median:.0f} us, {turns} turns", *lines])

    def _is_over(self, end: float) -> bool:
        if len(self._times[self._reference]) >= MOST or time.monotonic() > end:
            return True
        is_clear = self._deviation(self._yardstick) > CLEAR
        return is_clear and not self.odd_ones(SUSPICIOUS)

    def _turns(self, count: int) -> None:
        names = list(self._runners)
        for _ in range(count):
            random.shuffle(names)
            for name in names:
                self._times[name].append(_time_of(self._runners[name]))

    def _difference(self, name: str) -> float:
        return statistics.median(self._differences(name))

    def _differences(self, name: str) -> list[int]:
        pairs = zip(self._times[name], self._times[self._reference], strict=True)
        return [mine - theirs for mine, theirs in pairs]

    def _deviation(self, name: str) -> float:
        return wilcoxon(self._differences(name))


def wilcoxon(differences: list[int]) -> float:
    """Return how far pairs differ in one direction, in standard deviations of chance.

    Wilcoxon's signed-rank test: outliers have a rank, and no more weight.
    """
    ranked = sorted((each for each in differences if each), key=abs)
    count = len(ranked)
    if not count:
        return 0
    total = sum(math.copysign(rank, each) for rank, each in enumerate(ranked, start=1))
    return total / math.sqrt(count * (count + 1) * (2 * count + 1) / 6)


def _time_of(act: Callable[[], object]) -> int:
    waited, start = _waited(), time.perf_counter_ns()
    act()
    return time.perf_counter_ns() - start - (_waited() - waited)


def _waited() -> int:
    """Return for how long other processes have kept this thread from running; 0: unknown."""
    schedule = _schedule()
    return int(os.pread(schedule, 64, 0).split()[1]) if schedule is not None else 0


@cache
def _schedule() -> int | None:
    try:
        return os.open(SCHEDULE, os.O_RDONLY)
    except OSError:
        return None


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
