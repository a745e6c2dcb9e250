"""Compare this app with a bare one and with its peers: ``python -m benchmarks.peers``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from .contestants import BARE, OWN, ROOT
from .effort import STEPS, Effort, efforts
from .environments import environments
from .page import write
from .plan import FULL, QUICK
from .process import started
from .promises import broken_calls, broken_promises
from .results import measure
from .tables import tables


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--calls",
        action="store_true",
        help="count the calls and statements of this app and the bare one, and nothing else",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a little of everything: its times say nothing"
    )
    parser.add_argument(
        "--requests",
        action="store_true",
        help="leave out what is measured beside expired rows, which takes most of the time; "
        "the page keeps what it has of that",
    )
    parser.add_argument(
        "--rows",
        type=int,
        action="append",
        help="expired rows to log in beside; may be given several times; "
        f"default: {' and '.join(map(str, FULL.rows[1:]))}",
    )
    parser.add_argument(
        "--page", type=Path, help="a page to write the tables into, and the chart beside it"
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=ROOT / ".tox" / "benchmark" / "contestants",
        help="a folder for the contestants' environments, which are made once",
    )
    return parser


def main() -> int:
    args = parser().parse_args()
    os.environ.setdefault("TEST_DATABASE", "postgres")
    # Starts a server, where none is named.
    from tests.support.databases import database_config

    server = database_config()
    if args.calls:
        return _verdict(_calls(server))
    plan = QUICK if args.quick else FULL
    if args.requests:
        plan = replace(plan, rows=())
    elif args.rows:
        plan = replace(plan, rows=(0, *args.rows))
    results = measure(plan, server, environments(args.environments))
    print(tables(results))
    if args.page:
        write(args.page, results)
    return _verdict(broken_promises(results))


def _calls(server: Mapping[str, Any]) -> list[str]:
    with ExitStack() as stack:
        both = [stack.enter_context(started(name, server)) for name in (BARE, OWN)]
        found = efforts(both, FULL.calls)
    ratios = found[OWN].calls_beside(found[BARE])
    for step in STEPS:
        print(
            f"{step}: {_told(step, found[OWN])}, {ratios[step]:.2f} times the calls of ", end=""
        )
        print(f"the bare app: {_told(step, found[BARE])}")
    return broken_calls(found)


def _told(step: str, effort: Effort) -> str:
    return f"{effort.calls[step]} calls, {effort.statements[step]} statements"


def _verdict(broken: list[str]) -> int:
    for line in broken:
        print(f"MISSED {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
