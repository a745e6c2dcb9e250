"""Measure with many rows, and print the table: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from django.db import connection

from benchmarks.site import set_up, test_database

ENOUGH = 6 * 1024
"""Megabytes: ten million codes take 5 GB, with the users, the limits and all indexes."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, help="codes; default: ten million")
    parser.add_argument(
        "--quick", action="store_true", help="a hundredth of it, to see that it runs"
    )
    parser.add_argument("--page", type=Path, help="a page to write the table into")
    return parser


def main() -> int:
    args = parser().parse_args()
    os.environ.setdefault("TEST_POSTGRES_BUFFERS", f"{min(quarter_of_memory(), ENOUGH)}MB")
    set_up()
    if connection.vendor != "postgresql":
        sys.exit("Set TEST_DATABASE=postgres: this is measured on PostgreSQL.")
    with test_database():
        return 0 if report(rows=args.rows, quick=args.quick, page=args.page) else 1


def quarter_of_memory() -> int:
    """Return the megabytes that PostgreSQL's manual (19.4, ``shared_buffers``) begins with. Its
    own default is 128, on a machine of any size."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20


def report(*, rows: int | None, quick: bool, page: Path | None) -> bool:
    """Print the table; return whether it holds. Few rows are for seeing that it runs."""
    # Needs the models.
    from .figures import table, write_table
    from .report import FULL, QUICK, figures

    size = QUICK if quick else FULL
    found = list(figures(replace(size, rows=rows) if rows else size))
    sys.stdout.write(f"{table(found)}\n")
    if page is not None:
        write_table(page, table(found))
    return quick or all(figure.holds for figure in found)


if __name__ == "__main__":
    sys.exit(main())
