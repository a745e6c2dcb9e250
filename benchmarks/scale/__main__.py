"""Measure this app alone: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import dashboard, growth, processor_time, shared_limits


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--shared-limits",
        action="store_true",
        help="compare requests under limits that all share with requests under none",
    )
    what.add_argument(
        "--processor-time",
        action="store_true",
        help="compare the processor time of a login with that of --app",
    )
    what.add_argument(
        "--dashboard", action="store_true", help="open the admin's dashboard beside many codes"
    )
    parser.add_argument(
        "--app", type=Path, help="another checkout of the app, to measure in the same run"
    )
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="codes to fill; default: %(default)s"
    )
    parser.add_argument(
        "--customers", type=int, default=200, help="who ask beside them; default: %(default)s"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="of the others; default: %(default)s"
    )
    parser.add_argument(
        "--turns",
        type=int,
        default=4,
        help="under each limit, in a round; default: %(default)s",
    )
    parser.add_argument(
        "--disk", action="store_true", help="let commits under shared limits wait for the disk"
    )
    return parser


def main() -> int:
    args = parser().parse_args()
    if args.shared_limits:
        missed = shared_limits.report(
            other=args.app, rounds=args.rounds, turns=args.turns, disk=args.disk
        )
    elif args.processor_time:
        if args.app is None:
            sys.exit("--processor-time compares with another checkout: name it by --app.")
        missed = processor_time.report(args.app, rounds=args.rounds)
    elif args.dashboard:
        missed = dashboard.report(rows=args.rows)
    else:
        missed = growth.report(app=args.app, rows=args.rows, customers=args.customers)
    for line in missed:
        print(f"MISSED {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
