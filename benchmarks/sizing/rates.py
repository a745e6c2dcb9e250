"""How many requests a second go through: by processes, by connections, and through one row."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from benchmarks.durability import waiting_for_the_disk
from tests.valkey import location, running_server

from .database import connections
from .plan import Plan
from .sites import CLIENTS, Site, Turn

__all__ = ["Connected", "HotRow", "Workers", "by_workers", "connected", "hot_rows"]

WORKERS = (1, 2, 4)
PROCESSES_AND_THREADS = ((1, 1), (2, 1), (2, 4), (4, 4))
FIRST = 500_000
"""People from here on are new ones."""

NO_LIMITS: dict[str, str | None] = {"ip": None}
CAP: dict[str, str | None] = {"ip": None, "site": "10000000/d"}
"""One row that each request writes, and that never refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """
    :param rate: logins a second, in those with one worker.
    :param site: seconds that the site's processes need for a login, in the same way.
    :param busy: share of the machine's processors that was in use.
    """

    workers: int
    rate: float
    site: float
    busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """:param most: connections at a time."""

    workers: int
    threads: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HotRow:
    """Requests a second with one row that each of them writes, in those without it.

    :param disk: whether commits waited for it.
    :param valkey: the same, where that count is kept there.
    """

    clients: int
    disk: bool
    row: float
    valkey: float


def by_workers(plan: Plan, people: Iterator[int]) -> list[Workers]:
    """Let sites of one process and of several take turns."""
    with ExitStack() as stack:
        sites = {
            str(count): stack.enter_context(Site.started(workers=count)) for count in WORKERS
        }
        turns = _turns(plan, sites, people, CLIENTS, "log_one_in")
    one = turns["1"]
    return [
        Workers(
            workers=count,
            rate=_beside(turns[str(count)], one, "rate"),
            site=_beside(turns[str(count)], one, "site"),
            busy=statistics.median(each.busy for each in turns[str(count)]),
        )
        for count in WORKERS
    ]


def connected(plan: Plan, people: Iterator[int]) -> tuple[list[Connected], float]:
    """Count connections that stay; and return the database's work for a login where none
    does, in that where they do.
    """
    found = []
    for workers, threads in PROCESSES_AND_THREADS:
        with Site.started(workers=workers, threads=threads) as site:
            site.turn(site.log_one_in, people, clients=4 * workers * threads, seconds=plan.turn)
            found.append(Connected(workers=workers, threads=threads, most=connections()))
    with ExitStack() as stack:
        sites = {
            name: stack.enter_context(Site.started(workers=2, connections_stay=name == "stay"))
            for name in ("stay", "new")
        }
        turns = _turns(plan, sites, people, CLIENTS, "log_one_in")
    return found, _beside(turns["new"], turns["stay"], "database")


def hot_rows(plan: Plan, people: Iterator[int]) -> Iterator[HotRow]:
    """Let sites without a cap, with one, and with one in Valkey take turns."""
    with ExitStack() as stack:
        valkey = location(stack.enter_context(running_server()))
        four = partial(Site.started, workers=4, threads=4)
        sites = {
            "none": stack.enter_context(four(limits=NO_LIMITS)),
            "row": stack.enter_context(four(limits=CAP)),
            "valkey": stack.enter_context(four(limits=CAP, valkey=valkey)),
        }
        for disk in (False, True):
            with waiting_for_the_disk() if disk else nullcontext():
                for clients in plan.clients:
                    turns = _turns(plan, sites, people, clients, "ask")
                    yield HotRow(
                        clients=clients,
                        disk=disk,
                        row=_beside(turns["row"], turns["none"], "rate"),
                        valkey=_beside(turns["valkey"], turns["none"], "rate"),
                    )


def new_people() -> Iterator[int]:
    return itertools.count(FIRST)


def _turns(
    plan: Plan, sites: Mapping[str, Site], people: Iterator[int], clients: int, what: str
) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {name: [] for name in sites}
    # The first is for what each process does once.
    for number in range(plan.rounds + 1):
        for name, site in sites.items():
            do = getattr(site, what)
            turn = site.turn(do, people, clients=clients, seconds=plan.turn)
            if number:
                turns[name].append(turn)
    return turns


def _beside(turns: list[Turn], others: list[Turn], figure: str) -> float:
    """Return the median of a figure, as a multiple of others' in the same rounds."""
    of: Callable[[Turn], float] = attrgetter(figure)
    return statistics.median(
        of(one) / of(other) for one, other in zip(turns, others, strict=True)
    )
