"""Run all attacks at full size and print the table: ``python -m tests.attacks``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .site import set_up, test_database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--page", type=Path, help="a page that must hold the table as printed")
    args = parser.parse_args()
    set_up()
    # Needs the models.
    from .report import report

    with test_database():
        return 0 if report(args.page) else 1


if __name__ == "__main__":
    sys.exit(main())
