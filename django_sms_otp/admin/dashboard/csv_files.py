"""Writes a table as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from .cells import Table

__all__ = ["lines_of"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a text that begins so (OWASP, CSV injection)."""


def lines_of(table: Table) -> Iterator[str]:
    """Yield the lines of the file, its columns by their names in no language."""
    writer = csv.writer(_Echo())
    yield writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        yield writer.writerow([_harmless(cell.value) for cell in row])


def _harmless(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(FORMULA)
    return f"'{value}" if is_formula else value


class _Echo:
    """A file that gives each line back to who writes it."""

    def write(self, line: str) -> str:
        return line
