"""Fail at full size and print what people met: ``python -m benchmarks.delivery``."""

from __future__ import annotations

import os
import sys

import django
from django.db import connection


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        return 0 if report() else 1
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def report() -> bool:
    """Print the table; return whether it holds."""
    # Needs the models.
    from .figures import MOST, table
    from .site import Site, Size, rows

    with Site.started(Size(workers=8, rounds=4, requests=250, clients=4)) as site:
        found = list(rows(site))
    sys.stdout.write(f"{table(found)}\n")
    if all(row.is_right and row.is_fast for row in found):
        return True
    sys.stderr.write(f"A wrong answer, or a time above {MOST}.\n")
    return False


if __name__ == "__main__":
    sys.exit(main())
