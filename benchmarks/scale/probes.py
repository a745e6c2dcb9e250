"""Takes the same times on two databases by turns: what else the machine does hits both."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Self

__all__ = ["Probe", "compare"]

WARM_UP = 5


class Probe:
    """A process on one database.

    :param keeps_plans: whether the site lets PostgreSQL do so.
    """

    def __init__(self, database: str, *, keeps_plans: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scale.probe"],
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "benchmarks.scale.probe_settings",
                "BENCHMARK_DATABASE": database,
                "BENCHMARK_KEEPS_PLANS": "1" if keeps_plans else "",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def take(self, measure: str, number: int) -> dict[str, float]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The probe has no pipes.")
        self._process.stdin.write(f"{measure} {number}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The probe has ended.")
        times: dict[str, float] = json.loads(line)
        return times

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        # It ends with its input.
        self._process.communicate()


def compare(
    full: Probe, empty: Probe, measure: str, numbers: Iterable[int]
) -> dict[str, float]:
    """Return how many times as long each thing takes on the full database, by medians."""
    times: dict[tuple[Probe, str], list[float]] = defaultdict(list)
    for turn, number in enumerate(numbers):
        for probe in random.sample((full, empty), 2):
            for name, seconds in probe.take(measure, number).items():
                if turn >= WARM_UP:
                    times[probe, name].append(seconds)
    names = [name for probe, name in times if probe is full]
    return {
        name: statistics.median(times[full, name]) / statistics.median(times[empty, name])
        for name in names
    }
