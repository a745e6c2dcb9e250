"""Measure delivery: ``python -m benchmarks.background cost`` or ``... memory``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping

from benchmarks.site import set_up, test_database

MOST = 1.1
"""Times what a client of the dummy backend waits for."""

MOST_BLOCKS = 0.25
"""Of Python's memory that a message may leave behind. What is kept of each has one at least."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.background", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("cost").add_argument("--turns", type=int, default=500)
    memory = commands.add_parser("memory")
    memory.add_argument("--messages", type=int, default=100_000)
    return parser


def main() -> int:
    args = parser().parse_args()
    if args.command == "cost":
        os.environ.setdefault("TEST_DATABASE", "postgres")
    set_up()
    with test_database():
        good = cost(args.turns) if args.command == "cost" else flat(args.messages)
    return 0 if good else 1


def cost(turns: int) -> bool:
    # Needs the models.
    from .cost import compare_in_process, compare_over_http

    told("on a processor", compare_in_process(turns))
    waited = told("over HTTP", compare_over_http(turns))
    return max(waited.values()) <= MOST


def told(where: str, taken: Mapping[str, float]) -> Mapping[str, float]:
    """Print what each way takes, and return it as a multiple of sending at once."""
    ratios = {way: milliseconds / taken["immediate"] for way, milliseconds in taken.items()}
    for way, ratio in ratios.items():
        print(f"{where}, {way}: {taken[way]:.2f} ms, {ratio:.2f} times", flush=True)
    return ratios


def flat(messages: int) -> bool:
    from .memory import growth, sizes

    good = True
    for way in ("immediate", "tasks"):
        found = []
        for size in sizes(way, messages):
            found.append(size)
            print(f"{way}, {size}", flush=True)
        good = good and growth(found) < MOST_BLOCKS
    return good


if __name__ == "__main__":
    sys.exit(main())
