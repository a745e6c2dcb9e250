"""Tells by statistics which of several runners takes longer, on a busy machine too.

The runners take turns, in a new order each time. One of them is a yardstick: the reference with
an addition of the least difference that matters. So neither a slow machine nor a busy one looks
like a difference, and a measurement that could have found none says so.
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

__all__ = ["MOST", "WARM_UP", "Race", "wilcoxon"]

WARM_UP, BATCH, MOST = 10, 30, 300
"""Turns: at the start, which do not count; between two looks at the yardstick; in all."""

TOLERANCE = 2 / 3
"""This share of the yardstick's difference counts as no difference."""

LONGEST = 8
"""A race ends after so many seconds, even if the machine is too busy for all turns."""

SUSPICIOUS, SIGNIFICANT, CLEAR = 2.5, 4.5, 5.5
"""Standard deviations: a runner beyond the first keeps the race going, a runner beyond the
second differs, and a yardstick beyond the third may end it. Chance alone reaches the second
less than once in a hundred thousand comparisons."""

SCHEDULE = "/proc/thread-self/schedstat"
"""Linux: nanoseconds on a processor, nanoseconds waiting for one, and how often."""


class Race:
    """
    :param runners: by name; each is called once a turn.
    :param reference: the runner to compare the others with.
    :param yardstick: the runner that is longer than the reference by a known difference.
    """

    def __init__(
        self, runners: Mapping[str, Callable[[], object]], *, reference: str, yardstick: str
    ) -> None:
        self._runners = runners
        self._reference, self._yardstick = reference, yardstick
        self._times: dict[str, list[int]] = {name: [] for name in runners}

    def run(self) -> None:
        """Take turns until the yardstick alone stands out clearly, or to the end.

        Chance does not last so long.
        """
        with no_garbage_collection():
            self._turns(WARM_UP)
            for times in self._times.values():
                times.clear()
            end = time.monotonic() + LONGEST
            while not self._is_over(end):
                self._turns(BATCH)

    @property
    def is_decided(self) -> bool:
        """Whether the yardstick stands out, so that the race would have shown a difference."""
        return self._deviation(self._yardstick) > SIGNIFICANT

    def odd_ones(self, threshold: float = SIGNIFICANT) -> list[str]:
        """Return the runners that differ from the reference more than ``TOLERANCE`` allows."""
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

    Wilcoxon's signed-rank test gives an outlier a rank, and no more weight than that.
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
    """Return how long other processes have kept this thread from running; 0: unknown."""
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
