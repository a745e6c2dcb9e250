"""Puts the tables into the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["write"]


def write(page: Path, tables: Mapping[str, str]) -> None:
    """Replace what stands between the marks of each table.

    :raises ValueError: the page lacks the marks of one.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise ValueError(f"{page} has no {begin} and {end}.")
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")
