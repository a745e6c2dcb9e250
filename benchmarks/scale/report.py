"""Fills, measures, and says what took how many times as long."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from django.db import connection
from django.utils import timezone

from benchmarks.durability import waiting_for_the_disk, with_page_images

from .beside import requests_beside
from .databases import copy_of, read, using
from .figures import Figure
from .fill import Past, fill, tidy
from .probes import Probe, compare
from .purges import by_batches, by_one_statement, oldest_but
from .traffic import Phase, quantile

__all__ = ["FULL", "GENTLE", "QUICK", "Size", "figures"]

MOST_OF_REQUESTS = 1.1
MOST_OF_PURGE = 1.5
MOST_OF_BATCH = 0.2
"""Seconds."""

MOST_BESIDE = 2.0
GENTLE = ("--batch-size=2000", "--pause=10")
"""What docs/operations.md runs each night."""

TURNS_OF_PURGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """
    :param rows: codes of the full database.
    :param turns: of requests, by customers who are chosen at random; and of ``pages``.
    :param purged: rows that are deleted in each way.
    :param copies: of the full database, each of which is purged beside traffic.
    """

    rows: int
    turns: int
    pages: int
    purged: int
    copies: int


FULL = Size(rows=10_000_000, turns=400, pages=15, purged=1_000_000, copies=4)
QUICK = Size(rows=100_000, turns=60, pages=7, purged=200_000, copies=1)


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
        yield from _of_traffic(full, past, size)


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
    part = size.purged // TURNS_OF_PURGE
    single = batches = longest = 0.0
    for turn in range(TURNS_OF_PURGE):
        for in_batches in (turn % 2 == 0, turn % 2 == 1):
            older_than = oldest_but(part)
            if in_batches:
                took, slowest = by_batches(older_than)
                batches, longest = batches + took, max(longest, slowest)
            else:
                single += by_one_statement(older_than)
            tidy()
    what = f"{TURNS_OF_PURGE} purges of {part:,} codes, in batches"
    yield _told(what, "one `DELETE` each", batches / single, MOST_OF_PURGE)
    yield _told("their longest batch", "200 ms", longest / MOST_OF_BATCH, 1)


def _of_traffic(full: str, past: Past, size: Size) -> Iterator[Figure]:
    purge, loop = f"a purge of {size.rows:,} codes", "a loop that keeps a processor busy"
    of_copies = [requests_beside(full, past) for _ in range(size.copies)]
    times = {each: [*chain(*(of_copy[each] for of_copy in of_copies))] for each in Phase}
    yield from _beside(purge, times, Phase.PURGE, MOST_BESIDE)
    yield from _beside(loop, times, Phase.BUSY, None)
    waits = "where it waits for the disk"
    with waiting_for_the_disk(), with_page_images():
        times = requests_beside(full, past)
        yield from _beside(f"{purge}, {waits}", times, Phase.PURGE, None)
        yield from _beside(f"{loop}, {waits}", times, Phase.BUSY, None)
        purge += f" with `{' '.join(GENTLE)}`"
        times = requests_beside(full, past, *GENTLE)
        yield from _beside(f"{purge}, {waits}", times, Phase.PURGE, MOST_BESIDE)


def _beside(
    what: str, times: Mapping[Phase, list[float]], phase: Phase, most: float | None
) -> Iterator[Figure]:
    _say(f"{len(times[phase])} requests beside {what}, {len(times[Phase.ALONE])} alone.")
    for share, at_most in ((0.5, None), (0.99, most)):
        ratio = quantile(times[phase], share) / quantile(times[Phase.ALONE], share)
        name = f"requests beside {what}, p{100 * share:.0f}"
        yield _told(name, "the same alone", ratio, at_most)


def _told(what: str, to: str, ratio: float, most: float | None) -> Figure:
    figure = Figure(what=what, to=to, ratio=ratio, most=most)
    _say(f"{'holds ' if figure.holds else 'BROKEN'} {' | '.join(figure.cells)}")
    return figure


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
