"""Reads the CSV files that commands take."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["rows_of"]


def rows_of(path: Path, *columns: str) -> Iterator[tuple[str, ...]]:
    """Read these columns of a UTF-8 file that begins with their names.

    :raises ValueError: a column is missing, or the file is not CSV from some line on.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        # Strict: a quote that nobody closes would silently make the rest of the file one field.
        reader, line = csv.DictReader(_without_nul(file), strict=True), 1
        try:
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise ValueError(f"{path} has no column {min(missing)!r}")
            line = reader.line_num + 1
            for row in reader:
                yield tuple(row[name] or "" for name in columns)
                line = reader.line_num + 1
        except csv.Error as error:
            text = f"{path}: the row in line {line} cannot be read: {error}."
            raise ValueError(text) from error


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    # PostgreSQL refuses the character, and names no line.
    for line in lines:
        if "\0" in line:
            raise csv.Error("NUL character")
        yield line
