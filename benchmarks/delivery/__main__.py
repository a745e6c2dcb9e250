"""Fail at full size and print what people met: ``python -m benchmarks.delivery``."""

from __future__ import annotations

import sys

from benchmarks.site import set_up, test_database


def main() -> int:
    set_up()
    with test_database():
        return 0 if report() else 1


def report() -> bool:
    """Print the table; return whether it holds."""
    # Needs the models.
    from .figures import MOST, MOST_TIMEOUTS, table
    from .site import Site, Size, rows

    with Site.started(Size(workers=8, rounds=4, requests=250, clients=4)) as site:
        found = list(rows(site))
    sys.stdout.write(f"{table(found)}\n")
    if all(row.is_right and row.is_fast for row in found):
        return True
    sys.stderr.write(
        f"A wrong answer, one that took over {MOST_TIMEOUTS} time-outs, or a p99 over {MOST}.\n"
    )
    return False


if __name__ == "__main__":
    sys.exit(main())
