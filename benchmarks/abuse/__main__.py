"""Run all attacks at full size and print the table: ``python -m benchmarks.abuse``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import django
from django.db import connection


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abuse", description=__doc__)
    parser.add_argument("--page", type=Path, help="a page that must hold the table as printed")
    args = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    # Needs the models.
    from .report import report

    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        return 0 if report(args.page) else 1
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
