"""Compare this app with a bare one and with other packages: ``python -m benchmarks.peers``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ..postgresql import Config, server
from ..processes import ROOT, placed, working
from ..tables import table
from .contestants import BARE, OWN, title
from .effort import STEPS, Effort, broken, effort_of
from .environments import environments
from .timing import Contestant, Plan, loads, shares


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--calls",
        action="store_true",
        help="count the calls and statements of this app and the bare one, and nothing else",
    )
    parser.add_argument(
        "--app",
        type=Path,
        default=ROOT,
        help="measure the app of another checkout; default: this one",
    )
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="default: %(default)s")
    parser.add_argument(
        "--environments",
        type=Path,
        default=ROOT / ".tox" / "benchmark" / "contestants",
        help="a folder for the contestants' environments, which are made once",
    )
    return parser


def main() -> int:
    args = parser().parse_args()
    plan = replace(Plan(), rounds=args.rounds)
    pythons: Mapping[str, str] = dict.fromkeys((BARE, OWN), sys.executable)
    if not args.calls:
        pythons = environments(args.environments)
    with _all_started(pythons, server(), args.app) as contestants:
        efforts = {each.name: effort_of(each.worker, plan.calls) for each in contestants}
        _print_efforts(efforts)
        if not args.calls:
            _print_times(contestants, plan)
    missed = list(broken(efforts[OWN], efforts[BARE]))
    for line in missed:
        print(f"MISSED {line}", file=sys.stderr)
    return 1 if missed else 0


@contextmanager
def _all_started(
    pythons: Mapping[str, str], server: Config, app: Path
) -> Iterator[list[Contestant]]:
    with ExitStack() as stack:
        contestants = []
        for name, python in pythons.items():
            place = stack.enter_context(placed(name, server, app=app, python=python))
            worker = stack.enter_context(working(place, "benchmarks.inside"))
            contestants.append(Contestant(place, worker))
        yield contestants


def _print_efforts(efforts: Mapping[str, Effort]) -> None:
    counts = (
        (title(name), *(str(each.statements[step]) for step in STEPS))
        for name, each in efforts.items()
    )
    _print("Statements", STEPS, counts)
    calls = []
    for name, each in efforts.items():
        ratios = each.calls_beside(efforts[BARE])
        cells = (f"{each.calls[step]} ({ratios[step]:.2f})" for step in STEPS)
        calls.append((title(name), *cells))
    _print("Function calls", STEPS, calls)


def _print_times(contestants: list[Contestant], plan: Plan) -> None:
    found = shares(contestants, plan)
    times = (
        (title(name), *(f"{share[step]:.2f}" for step in STEPS))
        for name, share in found.items()
    )
    _print("Processor time", STEPS, times)
    head = ("logins a second", "median of a login", "99th percentile")
    over_http = (
        (title(name), f"{load.logins:.2f}", f"{load.p50:.2f}", f"{load.p99:.2f}")
        for name, load in loads(contestants, plan).items()
    )
    _print("Logins over HTTP", head, over_http)


def _print(heading: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(f"### {heading}\n\n{table(('', *head), rows)}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
