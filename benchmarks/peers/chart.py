"""A chart of logins a second, as SVG: its own background, for light pages and dark ones."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from .contestants import OWN, title
from .results import Results

__all__ = ["chart"]

WIDTH, ROW, LEFT, TOP = 720, 34, 220, 48
BAR = 400
"""Pixels of the longest bar."""

STYLE = """
  .back { fill: #ffffff; stroke: #d0d7de }
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .other { fill: #8c959f }
  .own { fill: #4051b5 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #1e2129; stroke: #3d444d }
    text { fill: #e6edf3 }
    .other { fill: #6e7681 }
    .own { fill: #7c8fff }
  }
"""


def chart(results: Results) -> str:
    """Draw a bar for each contestant, the bare app's being 1."""
    height = TOP + ROW * len(results.loads) + 12
    heading = "Full logins a second over HTTP, as a share of the bare app's"
    summary = "; ".join(
        f"{title(name)} {load.logins:.2f}" for name, load in results.loads.items()
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(heading)}: {escape(summary)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text x="16" y="28">{escape(heading)}</text>',
        *_bars(results),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _bars(results: Results) -> Iterator[str]:
    longest = max(load.logins for load in results.loads.values())
    for number, (name, load) in enumerate(results.loads.items()):
        y = TOP + ROW * number
        kind = "own" if name == OWN else "other"
        length = round(BAR * load.logins / longest)
        yield f'<text x="{LEFT - 12}" y="{y + 19}" text-anchor="end">{title(name)}</text>'
        yield f'<rect class="{kind}" x="{LEFT}" y="{y + 4}" width="{length}" height="22"/>'
        yield f'<text x="{LEFT + length + 8}" y="{y + 19}">{load.logins:.2f}</text>'
