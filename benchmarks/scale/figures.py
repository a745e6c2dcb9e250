"""A figure of the table, beside what it may be at most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Figure", "table", "write_table"]

HEAD = ("what", "compared with", "times as long", "at most")
HEAD_LINE = f"| {' | '.join(HEAD)} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    :param to: what the time is divided by.
    :param most: ``None``: told, and not limited.
    """

    what: str
    to: str
    ratio: float
    most: float | None

    @property
    def holds(self) -> bool:
        return self.most is None or self.ratio <= self.most

    @property
    def cells(self) -> tuple[str, str, str, str]:
        most = "" if self.most is None else f"{self.most:g}"
        return self.what, self.to, f"{self.ratio:.2f}", most


def table(figures: Iterable[Figure]) -> str:
    """Write the figures in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(figure.cells for figure in figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_table(page: Path, text: str) -> None:
    """Put a table in the place of the one that the page has.

    :raises ValueError: it has none.
    """
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(HEAD_LINE) + r"(\n\|.*)+")
    after, count = pattern.subn(lambda _found: text, before)
    if count != 1:
        raise ValueError(f"{page} has {count} tables that begin with {HEAD_LINE}")
    page.write_text(after, encoding="utf-8")
