"""Compares requests for codes under limits that all requests share with requests under none."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from ..clients import send
from ..postgresql import Config, server, waiting_for_the_disk
from ..processes import ROOT, Place, placed, served
from ..rounds import percentile, turned
from ..sites.base import Post, Visitor
from ..tables import table

__all__ = ["report"]

CLIENTS, WORKERS, THREADS = 32, 4, 8
CONNECTIONS = "400"
"""Each thread of each server keeps one."""

SECONDS = 2.0
"""Of a turn. The next second's machine may be half as fast, so turns are short."""

NONE, SITE = "none", "site"
NEVER = "100000000/h"
"""A rate that refuses nobody."""

LIMITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {NONE: {}, SITE: {"site": NEVER}, "site and country": {"site": NEVER, "country": NEVER}}
)

LEAST_RATE, MOST_P99 = 0.7, 1.5
"""Promises for the limit of the site: multiples of the same without it."""


@dataclass(slots=True)
class Turns:
    """The answers of all turns of one site in a round.

    :param passed: seconds of all turns.
    :param in_time: codes that were granted within them; each turn ends with a few late ones.
    :param seconds: of each code that was granted.
    :param others: the status of each other answer.
    """

    passed: float = 0.0
    in_time: int = 0
    seconds: list[float] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.in_time / self.passed

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 99)


def report(*, other: Path | None, rounds: int, turns: int, disk: bool) -> list[str]:
    """Print a table; return the promises that this checkout breaks.

    :param other: another checkout, to be measured in the same rounds.
    :param turns: of each site in a round.
    :param disk: whether commits wait for the disk.
    """
    apps = {"this": ROOT} | ({"other": other} if other else {})
    people = itertools.count()  # Threads may share it: next() is one step in C.
    on = server(max_connections=CONNECTIONS)
    with ExitStack() as stack:
        places = {
            (app, limits): stack.enter_context(_placed(on, path, app, limits))
            for app, path in apps.items()
            for limits in LIMITS
        }
        stack.enter_context(waiting_for_the_disk(on) if disk else nullcontext())
        found = [_round(places, people, turns) for _ in range(rounds)]
    lines = []
    missed: list[str] = []
    for app, limits in places:
        rate, p99 = _beside_none(found, app, limits)
        answers = Counter(chain.from_iterable(each[app, limits].others for each in found))
        told = ", ".join(f"{status}: {count}" for status, count in answers.items())
        absolute = statistics.median(each[app, limits].rate for each in found)
        lines.append((app, limits, f"{absolute:.0f}", f"{rate:.2f}", f"{p99:.2f}", told))
        if (app, limits) == ("this", SITE):
            missed += _missed(rate, p99)
    head = ("checkout", "limits", "codes a second", "throughput", "p99", "other answers")
    print(table(head, lines))
    return missed


def _placed(on: Config, path: Path, app: str, limits: str) -> AbstractContextManager[Place]:
    label = f"_{app}_{limits.replace(' ', '_')}"
    variables = {"BENCHMARK_LIMITS": json.dumps(dict(LIMITS[limits]))}
    return placed("own", on, label=label, app=path, variables=variables)


def _round(
    places: Mapping[tuple[str, str], Place], people: Iterator[int], turns: int
) -> dict[tuple[str, str], Turns]:
    """Let all sites take turns, A B C C B A, by servers that live for this round alone."""
    found = {key: Turns() for key in places}
    with ExitStack() as stack:
        ports = {}
        for key, place in places.items():
            running = stack.enter_context(served(place, workers=WORKERS, threads=THREADS))
            ports[key] = running.port
            # Each thread connects to the database, and loads its modules.
            _ask(ports[key], people, Turns())
        for number in range(turns):
            for key in turned(list(places), number):
                _ask(ports[key], people, found[key])
    rates = "; ".join(f"{' '.join(key)} {mine.rate:.0f}" for key, mine in found.items())
    print(f"Codes a second: {rates}", file=sys.stderr, flush=True)
    return found


def _ask(port: int, people: Iterator[int], turns: Turns) -> None:
    """Ask for codes for ever new numbers, for the time of a turn."""
    end = time.perf_counter() + SECONDS

    def client() -> None:
        while time.perf_counter() < end:
            visitor = Visitor(next(people))
            body = {"phone_number": visitor.phone_number}
            post = Post(path="/auth/sms/get-code/", body=body, expected=202)
            answer = send(port, post, visitor)
            if answer.status == post.expected:
                turns.seconds.append(answer.seconds)
            else:
                turns.others.append(answer.status)

    before = len(turns.seconds)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        time.sleep(max(0.0, end - time.perf_counter()))
        turns.in_time += len(turns.seconds) - before
    turns.passed += SECONDS
    for each in clients:
        each.result()


def _beside_none(
    found: list[dict[tuple[str, str], Turns]], app: str, limits: str
) -> tuple[float, float]:
    """Return throughput and p99 as multiples of those without a limit, by median of rounds."""
    rate = statistics.median(each[app, limits].rate / each[app, NONE].rate for each in found)
    p99 = statistics.median(each[app, limits].p99 / each[app, NONE].p99 for each in found)
    return rate, p99


def _missed(rate: float, p99: float) -> Iterator[str]:
    if rate < LEAST_RATE:
        yield f"with a limit of the site: {rate:.2f} of the throughput, not {LEAST_RATE}"
    if p99 > MOST_P99:
        yield f"with a limit of the site: {p99:.2f} times the p99, not {MOST_P99}"
