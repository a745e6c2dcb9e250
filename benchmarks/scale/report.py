"""Fills, measures, and says what took how many times as long."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import connection
from django.utils import timezone

from tests.server import environment

from .databases import copy_of, read, using
from .figures import Figure
from .fill import Past, fill, tidy
from .probes import Probe, compare
from .purges import by_batches, by_one_statement, oldest_but
from .traffic import Traffic, quantile

__all__ = ["FULL", "QUICK", "Size", "figures"]

MOST_OF_REQUESTS = 1.1
MOST_OF_PURGE = 1.5
MOST_OF_BATCH = 0.2
"""Seconds."""

MOST_BESIDE = 2.0
TURNS_OF_PURGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """
    :param rows: codes of the full database.
    :param turns: of requests, by customers who are chosen at random; and of ``pages``.
    :param purged: rows that are deleted in each way.
    :param steps: in which the full database is purged beside traffic.
    """

    rows: int
    turns: int
    pages: int
    purged: int
    steps: int


FULL = Size(rows=10_000_000, turns=400, pages=15, purged=1_000_000, steps=6)
QUICK = Size(rows=100_000, turns=60, pages=7, purged=200_000, steps=2)


def figures(size: Size) -> Iterator[Figure]:
    name = str(connection.settings_dict["NAME"])
    past = Past(users=size.rows // 10, until=timezone.now())
    with copy_of(name, "full") as full:
        # Whether it can, is not to turn out when all is filled.
        read(full)
        with using(full):
            _say(f"Filling {past.codes} codes of {past.users} users.")
            fill(past)
        with copy_of(name, "empty") as empty:
            yield from _of_requests(full, empty, past, size)
        with copy_of(name, "day") as day:
            with using(day):
                fill(replace(past, days=1))
            yield from _of_staff(full, day, size)
        with copy_of(name, "purged") as purged, using(purged):
            fill(replace(past, users=size.purged * 3 // 10))
            yield from _of_purge(size)
        yield from _of_traffic(full, size)


def _of_requests(full: str, empty: str, past: Past, size: Size) -> Iterator[Figure]:
    _say(f"PostgreSQL has read {read(full)}.")
    everybody = range(1, past.users)
    numbers = random.sample(everybody, min(2 * size.turns, len(everybody)))
    for keeps_plans, mine in ((False, numbers[::2]), (True, numbers[1::2])):
        with (
            Probe(full, keeps_plans=keeps_plans) as first,
            Probe(empty, keeps_plans=keeps_plans) as second,
        ):
            ratios = compare(first, second, "requests", mine)
        for what, ratio in ratios.items():
            name = f"{what}, plans kept" if keeps_plans else what
            yield _told(name, "the same without rows", ratio, MOST_OF_REQUESTS)


def _of_staff(full: str, day: str, size: Size) -> Iterator[Figure]:
    with Probe(full) as first, Probe(day) as second:
        for measure in ("pages", "roll_ups"):
            ratios = compare(first, second, measure, range(size.pages))
            for what, ratio in ratios.items():
                name = what if measure == "roll_ups" else f"admin: {what}"
                yield _told(name, "the same with the rows of one day", ratio, None)


def _of_purge(size: Size) -> Iterator[Figure]:
    """Delete the oldest rows in the one way and the other, by turns."""
    single = batches = longest = 0.0
    for _ in range(TURNS_OF_PURGE):
        part = size.purged // TURNS_OF_PURGE
        single += by_one_statement(oldest_but(part))
        tidy()
        took, slowest = by_batches(oldest_but(part))
        batches, longest = batches + took, max(longest, slowest)
        tidy()
    what = f"purge of {size.purged:,} codes"
    yield _told(what, "one `DELETE` of as many", batches / single, MOST_OF_PURGE)
    yield _told("its longest batch", "200 ms", longest / MOST_OF_BATCH, 1)


def _of_traffic(full: str, size: Size) -> Iterator[Figure]:
    without: list[float] = []
    beside: list[float] = []
    with Traffic.running(full) as traffic:
        traffic.warm_up()
        for step in range(size.steps):
            traffic.take()
            took = _purge(full, older_than=30 * 24 * (size.steps - 1 - step) // size.steps)
            beside += traffic.take()
            time.sleep(took)
            without += traffic.take()
    _say(f"{len(beside)} requests beside the purge, {len(without)} without it.")
    for share in (0.5, 0.99):
        ratio = quantile(beside, share) / quantile(without, share)
        what = f"requests beside a purge of {size.rows:,} codes, p{share:.0%}".rstrip("%")
        most = MOST_BESIDE if share == 0.99 else None
        yield _told(what, "the same without it", ratio, most)


def _purge(database: str, *, older_than: int) -> float:
    """Run the command in a process of its own; return the seconds that it took."""
    start = time.perf_counter()
    # Codes live for an hour.
    age = f"--older-than={max(older_than, 1)}h"
    subprocess.run(
        [sys.executable, "-m", "django", "purge_otp_codes", age],
        env=environment(Path(), database={"NAME": database}),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def _told(what: str, to: str, ratio: float, most: float | None) -> Figure:
    figure = Figure(what=what, to=to, ratio=ratio, most=most)
    _say(f"{'holds ' if figure.holds else 'BROKEN'} {' | '.join(figure.cells)}")
    return figure


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
