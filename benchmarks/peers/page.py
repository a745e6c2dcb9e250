"""Puts what was measured into the documentation."""

from __future__ import annotations

from pathlib import Path

from .chart import chart
from .results import Results
from .tables import sections

__all__ = ["write"]

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(page: Path, results: Results) -> None:
    """Replace the tables between the marks of ``page``, and the chart beside it. Those that
    nothing was measured for stay.

    :raises ValueError: the page has no such marks.
    """
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    old, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{page} has no {BEGIN} and {END}.")
    drawing = page.with_suffix(".svg")
    image = f"![Logins a second]({drawing.name})"
    found = "\n\n".join({**_sections(old), **sections(results)}.values())
    text = f"{before}{BEGIN}\n\n{image}\n\n{found}\n\n{END}{after}"
    page.write_text(text, encoding="utf-8")
    drawing.write_text(chart(results), encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split("### ")[1:]]
    return {part.partition("\n")[0]: f"### {part}" for part in parts}
