"""Runs everything, and holds what came out."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contestants import ASIDE, CONTESTANTS, OWN, title
from .effort import Effort, efforts
from .plan import Plan
from .process import Contestant, started
from .purges import Purge, purge
from .starts import Start, starts
from .timing import Growth, Load, Share, growth, loads, shares

__all__ = ["Results", "measure"]


@dataclass(frozen=True, slots=True)
class Results:
    """By contestant, but for ``machine``; see the modules that measure.

    :param growth: by the number of expired rows.
    """

    machine: Mapping[str, str]
    starts: Mapping[str, Start]
    efforts: Mapping[str, Effort]
    shares: Mapping[str, Mapping[str, Share]]
    loads: Mapping[str, Load]
    growth: Mapping[str, Mapping[int, Growth]]
    purges: Mapping[str, Purge | None]


def measure(plan: Plan, server: Mapping[str, Any], pythons: Mapping[str, str]) -> Results:
    """Run all contestants in turn.

    :param server: the entry of ``DATABASES`` of a PostgreSQL where databases can be made.
    :param pythons: of each contestant's environment.
    """
    with ExitStack() as stack:
        contestants = [
            stack.enter_context(started(entry.name, server, python=pythons[entry.name]))
            for entry in CONTESTANTS
        ]
        _say("Starting ...")
        begun = starts(contestants, plan)
        _say("Counting calls and statements ...")
        found = efforts(contestants, plan.calls)
        _say("Measuring the time of requests ...")
        times = shares(contestants, plan)
        _say("Logging in over HTTP ...")
        over_http = loads(contestants, plan)
        machine = _machine(contestants)
    grown, purged = {}, {}
    for entry in CONTESTANTS:
        if entry.name in ASIDE or not plan.rows:
            continue
        grown[entry.name] = _growth(plan, server, entry.name, pythons[entry.name])
        _say(f"Purging {title(entry.name)} ...")
        with started(entry.name, server, python=pythons[entry.name]) as contestant:
            purged[entry.name] = purge(contestant, plan)
    return Results(machine, begun, found, times, over_http, grown, purged)


def _growth(
    plan: Plan, server: Mapping[str, Any], name: str, python: str
) -> Mapping[int, Growth]:
    with ExitStack() as stack:
        by_rows = {}
        for rows in plan.rows:
            contestant = stack.enter_context(
                started(name, server, python=python, label=f"_{rows}")
            )
            if rows:
                _say(f"Filling {title(name)} with {rows} rows ...")
                contestant.tell("fill", rows)
            by_rows[rows] = contestant
        _say(f"Measuring {title(name)} beside them ...")
        return growth(by_rows, plan)


def _machine(contestants: Sequence[Contestant]) -> Mapping[str, str]:
    own = next(each for each in contestants if each.name == OWN)
    versions: Mapping[str, str] = own.tell("versions")
    return {"Processors": _processors(), "System": platform.system(), **versions}


def _processors() -> str:
    """Return how many there are, and of which model."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} x {models[0]}" if models else platform.machine()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
