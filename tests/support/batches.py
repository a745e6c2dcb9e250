"""Statements that are sent to the database together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["each_of"]


def each_of(sql: str, params: Sequence[Any] | None) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements of a text by themselves, each with its own parameters."""
    left = list(params or ())
    for statement in sql.split("; "):
        count = statement.count("%s")
        yield statement, left[:count]
        left = left[count:]
