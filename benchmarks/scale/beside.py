"""How long requests take beside a purge of everything, beside a busy processor, and alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.support.server import environment

from .databases import copy_of, read
from .fill import Past
from .traffic import Phase, Traffic

__all__ = ["requests_beside"]

TURNS = 2
"""In which a database is purged: longer ones begin less often, which takes a processor, too."""

LONGEST = 30.0
"""Seconds alone, and beside a loop, after a turn that took longer."""

BUSY = """
import sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    pass
"""


def requests_beside(full: str, past: Past, *flags: str) -> dict[Phase, list[float]]:
    """Purge a copy of a database; return the seconds of each request by what went on.

    :param flags: of the command.
    """
    with copy_of(full, "traffic") as copy:
        read(copy)
        with Traffic.running(copy, users=past.users) as traffic:
            traffic.warm_up()
            for turn in range(TURNS):
                days = past.days * (TURNS - 1 - turn) // TURNS
                traffic.phase = Phase.PURGE
                # Codes live for an hour.
                took = _purge(copy, f"--older-than={max(24 * days, 1)}h", *flags)
                # Now the one first and now the other: the database tidies up after a purge.
                afterwards = [(Phase.ALONE, time.sleep), (Phase.BUSY, _keep_busy)]
                for phase, wait in reversed(afterwards) if turn % 2 else afterwards:
                    traffic.phase = phase
                    wait(min(took, LONGEST))
    return traffic.times


def _purge(database: str, *flags: str) -> float:
    """Run the command in a process of its own; return the seconds that it took."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "django", "purge_otp_codes", *flags],
        env=environment(Path(), database={"NAME": database}),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def _keep_busy(seconds: float) -> None:
    # It ends by itself, whatever becomes of this process.
    subprocess.run([sys.executable, "-S", "-c", BUSY, str(seconds)], check=True)
