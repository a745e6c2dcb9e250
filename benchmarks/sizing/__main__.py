"""Measure what a login takes, and how it grows: ``python -m benchmarks.sizing``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.site import set_up, test_database

from .costs import Cost


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.add_argument("--page", type=Path, help="a page to write the tables into")
    parser.add_argument(
        "--quick", action="store_true", help="a little of everything: its figures say nothing"
    )
    return parser


def main() -> int:
    args = parser().parse_args()
    os.environ.setdefault("TEST_DATABASE", "postgres")
    set_up()
    # Need the models.
    from .page import write
    from .plan import FULL, QUICK
    from .results import broken_laws, measure
    from .tables import tables

    with test_database():
        results = measure(QUICK if args.quick else FULL)
    found = tables(results)
    print("\n\n".join(found.values()))
    print(_of_this_machine(results.growth.real[0].again))
    if args.quick:
        return 0
    if args.page:
        write(args.page, found)
    broken = broken_laws(results)
    for line in broken:
        print(f"BROKEN {line}", file=sys.stderr)
    return 1 if broken else 0


def _of_this_machine(cost: Cost) -> str:
    hours = [seconds * 1_000_000 / 3600 for seconds in (cost.site, cost.database)]
    return (
        f"\nOn this machine a million logins take {hours[0]:.2f} hours of a processor for the "
        f"site, and {hours[1]:.2f} for the database."
    )


if __name__ == "__main__":
    sys.exit(main())
