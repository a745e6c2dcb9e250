"""How long requests take beside a purge of everything, beside a busy core, and alone."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.server import environment

from .databases import copy_of, read
from .traffic import Traffic

__all__ = ["Beside", "measured"]

HOURS = 30 * 24
"""Of codes, which are purged from the oldest on."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Seconds of each request.

    :param purge: while the command ran.
    :param counting: while a process kept one core busy, and no database.
    :param nothing: alone.
    """

    purge: list[float] = field(default_factory=list)
    counting: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)


def measured(full: str, *, copies: int, steps: int) -> Beside:
    """Purge ``copies`` of a database, each in ``steps``."""
    times = Beside()
    for _ in range(copies):
        with copy_of(full, "traffic") as copy:
            read(copy)
            with Traffic.running(copy) as traffic:
                traffic.warm_up()
                for step in reversed(range(steps)):
                    # Codes live for an hour.
                    _turn(traffic, copy, max(HOURS * step // steps, 1), times)
    return times


def _turn(traffic: Traffic, database: str, hours: int, times: Beside) -> None:
    traffic.take()
    took = _purge(database, hours)
    times.purge.extend(traffic.take())
    time.sleep(took)
    times.nothing.extend(traffic.take())
    _count(took)
    times.counting.extend(traffic.take())


def _purge(database: str, hours: int) -> float:
    """Run the command in a process of its own; return the seconds that it took."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "django", "purge_otp_codes", f"--older-than={hours}h"],
        env=environment(Path(), database={"NAME": database}),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def _count(seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) as counting:
        try:
            time.sleep(seconds)
        finally:
            counting.kill()
