"""Measure delivery: ``python -m benchmarks.background cost`` or ``... memory``."""

from __future__ import annotations

import argparse
import os
import sys

import django
from django.db import connection

MOST = 1.1
"""Times what the dummy backend takes."""

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
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        good = cost(args.turns) if args.command == "cost" else flat(args.messages)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    return 0 if good else 1


def cost(turns: int) -> bool:
    # Needs the models.
    from .cost import compare_in_process, compare_over_http

    good = True
    for where, compare in (
        ("in process", compare_in_process),
        ("over HTTP", compare_over_http),
    ):
        taken = compare(turns)
        for way, milliseconds in taken.items():
            ratio = milliseconds / taken["immediate"]
            good = good and ratio <= MOST
            print(f"{where}, {way}: {milliseconds:.2f} ms, {ratio:.2f} times", flush=True)
    return good


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
