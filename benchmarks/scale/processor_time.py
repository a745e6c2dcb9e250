"""Compares the processor time of a login with that of another checkout.

The sites have Django's default options of a connection, and connections that stay open. The
time of gunicorn and that of PostgreSQL count together.
"""

from __future__ import annotations

import itertools
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..clients import send
from ..notes import Notes
from ..postgresql import server
from ..processes import ROOT, Place, Server, placed, served
from ..sites.base import Post, Visitor
from ..tables import table
from .processor import postmaster, seconds_of

__all__ = ["report"]

LOGINS = 150
"""Of a checkout in a turn."""

TURNS = 2
"""Of a checkout in a round: A B B A."""

CLIENTS, WORKERS, THREADS = 8, 2, 4

MOST = 1.1
"""A promise: multiples of the other checkout's time."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of a login."""

    web: float
    database: float

    @property
    def both(self) -> float:
        return self.web + self.database


@dataclass(slots=True)
class Site:
    place: Place
    server: Server
    notes: Notes
    known: Iterator[Visitor] = iter(())

    def welcome(self, visitors: Sequence[Visitor]) -> None:
        """Let visitors log in for the first time, which also warms the server up."""
        self._log_in(visitors)
        self.known = iter(visitors)

    def logins(self, database: int) -> Seconds:
        """Let known visitors log in again; return the time of one login.

        :param database: the first process of PostgreSQL.
        """
        web, data = seconds_of(self.server.pid), seconds_of(database)
        self._log_in(list(islice(self.known, LOGINS)))
        web, data = seconds_of(self.server.pid) - web, seconds_of(database) - data
        return Seconds(web / LOGINS, data / LOGINS)

    def _log_in(self, visitors: Sequence[Visitor]) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self._log_one_in, visitors))

    def _log_one_in(self, visitor: Visitor) -> None:
        self._post("get-code", 202, visitor)
        self._post("auth-code", 200, visitor, code=self.notes.code(visitor.phone_number))

    def _post(self, path: str, status: int, visitor: Visitor, **body: str) -> None:
        body = {"phone_number": visitor.phone_number, **body}
        post = Post(path=f"/auth/sms/{path}/", body=body, expected=status)
        send(self.server.port, post, visitor).as_expected()


def report(other: Path, *, rounds: int) -> list[str]:
    """Print a table; return the broken promises."""
    on = server()
    database = postmaster(on)
    people = map(Visitor, itertools.count())
    ratios: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        places = [
            stack.enter_context(placed("own", on, label=f"_{name}", app=app))
            for name, app in (("this", ROOT), ("other", other))
        ]
        notes = [Notes(place.notes) for place in places]
        for _ in range(rounds):
            mine, theirs = _round(places, notes, people, database)
            for part in ("web", "database", "both"):
                ratios[part].append(getattr(mine, part) / getattr(theirs, part))
            print(f"{mine} beside {theirs}", file=sys.stderr, flush=True)
    medians = {part: statistics.median(each) for part, each in ratios.items()}
    lines = [(part, f"{ratio:.2f}") for part, ratio in medians.items()]
    print(table(("processor time of a login", "of the other checkout's"), lines))
    both = medians["both"]
    return [f"web and database: {both:.2f}, not {MOST}"] if both > MOST else []


def _round(
    places: Sequence[Place], notes: Sequence[Notes], people: Iterator[Visitor], database: int
) -> list[Seconds]:
    """Let both take turns, by servers that live for this round alone."""
    taken: list[list[Seconds]] = [[] for _ in places]
    with ExitStack() as stack:
        sites = []
        for place, noted in zip(places, notes, strict=True):
            running = stack.enter_context(served(place, workers=WORKERS, threads=THREADS))
            sites.append(Site(place, running, noted))
            sites[-1].welcome(list(islice(people, TURNS * LOGINS)))
        for index in (0, 1, 1, 0):
            taken[index].append(sites[index].logins(database))
    return [
        Seconds(
            statistics.mean(each.web for each in found),
            statistics.mean(each.database for each in found),
        )
        for found in taken
    ]
