"""Runs all attacks and prints the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from .figures import Row, table
from .plan import FULL, sites
from .statements import statements
from .targets import Target

__all__ = ["report"]


def report(page: Path | None) -> bool:
    """Print the table; return whether all limits held and the page has the same table."""
    rows: list[Row] = []
    for row in _all_rows():
        rows.append(row)
        _say(f"{'holds ' if row.holds else 'BROKEN'} {row.attack}")
    sys.stdout.write(f"{table(rows)}\n")
    is_current = page is None or table(rows) in page.read_text(encoding="utf-8")
    if not is_current:
        _say(f"{page} holds another table.")
    return is_current and all(row.holds for row in rows)


def _all_rows() -> Iterator[Row]:
    for site in sites(FULL).values():
        with Target.started(workers=FULL.workers, sms_otp=site.settings) as target:
            yield from target.hit_by(site.attacks)
    yield from statements()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
