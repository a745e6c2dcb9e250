"""Fills, measures, and says what took how many times as long."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db import connection
from django.utils import timezone

from .beside import measured
from .databases import copy_of, read, using
from .figures import Figure
from .fill import Past, fill, tidy
from .probes import Probe, compare
from .purges import by_batches, by_one_statement, oldest_but
from .traffic import quantile

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
    :param copies: of the full database, each of which is purged beside traffic: the 99th of a
        hundred requests beside one purge alone is off by a tenth.
    :param steps: of each.
    """

    rows: int
    turns: int
    pages: int
    purged: int
    copies: int
    steps: int


FULL = Size(rows=10_000_000, turns=400, pages=15, purged=1_000_000, copies=4, steps=6)
QUICK = Size(rows=100_000, turns=60, pages=7, purged=200_000, copies=1, steps=2)


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
    times = measured(full, copies=size.copies, steps=size.steps)
    _say(
        f"Requests: {len(times.purge)} beside the purge, {len(times.counting)} beside a "
        f"process that only counts, {len(times.nothing)} alone."
    )
    for what, beside, most in (
        (f"a purge of {size.rows:,} codes", times.purge, MOST_BESIDE),
        ("a process that only counts", times.counting, None),
    ):
        for share, at_most in ((0.5, None), (0.99, most)):
            name = f"requests beside {what}, p{100 * share:.0f}"
            ratio = quantile(beside, share) / quantile(times.nothing, share)
            yield _told(name, "the same alone", ratio, at_most)


def _told(what: str, to: str, ratio: float, most: float | None) -> Figure:
    figure = Figure(what=what, to=to, ratio=ratio, most=most)
    _say(f"{'holds ' if figure.holds else 'BROKEN'} {' | '.join(figure.cells)}")
    return figure


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
