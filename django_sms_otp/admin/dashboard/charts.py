"""Charts as SVG: columns and lines over hours or days. They need no script and no style of
their own, so every policy of content security allows them.

The places along the axis are percentages: a chart is as wide as its page, and its texts keep
their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log10

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

__all__ = ["Chart", "Layer", "column_chart", "share_chart"]

HEIGHT = 200
"""Of the plot, in pixels. ``dashboard.css`` has the same."""

GAP = 24
"""Below the plot, for the labels of the axis."""

STEPS = 4
ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
MOST_LABELS = 7
FEW_COLUMNS = 8

HATCH = mark_safe(' fill="url(#sms-otp-hatch)"')
"""An attribute: in a style sheet, the address would be that of the style sheet."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One series of a chart.

    :param look: ``outline``, ``hatch``, ``soft``, ``solid``, ``alarm`` or ``line``: see the
        style sheet.
    """

    look: str
    label: str | Promise
    values: Sequence[float | None]

    @property
    def fill(self) -> SafeString:
        return HATCH if self.look == "hatch" else mark_safe("")


@dataclass(frozen=True, slots=True)
class Chart:
    """
    :param ticks: the labels of the axis, from the top down.
    :param layers: for the legend.
    """

    svg: SafeString
    ticks: Sequence[str]
    layers: Sequence[Layer]


def column_chart(
    title: str, labels: Sequence[str], hints: Sequence[str], layers: Sequence[Layer]
) -> Chart:
    """Draw columns. Each layer is part of the one before, and stands in front of it.

    :param hints: what a column says when somebody points at it.
    """
    top = _round_up(max((value or 0 for each in layers for value in each.values), default=0))
    shapes = (shape for layer in layers for shape in _columns(layer, top))
    ticks = [number_format(top * n // STEPS, force_grouping=True) for n in range(STEPS, -1, -1)]
    return Chart(_svg(title, labels, hints, shapes), ticks, layers)


def share_chart(title: str, labels: Sequence[str], hints: Sequence[str], layer: Layer) -> Chart:
    """Draw a line of shares, from 0 to 1. It has a gap where a value is ``None``."""
    ticks = [_("%(number)s%%") % {"number": 100 * n // STEPS} for n in range(STEPS, -1, -1)]
    return Chart(_svg(title, labels, hints, _line(layer)), ticks, [layer])


def _svg(
    title: str, labels: Sequence[str], hints: Sequence[str], shapes: Iterable[SafeString]
) -> SafeString:
    grid = format_html_join(
        "",
        '<line class="sms-otp-grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>',
        ((HEIGHT * number / STEPS,) for number in range(STEPS + 1)),
    )
    return format_html(
        '<svg class="sms-otp-plot" role="img" width="100%" height="{}">'
        "<title>{}</title><desc>{}</desc>{}{}{}{}</svg>",
        HEIGHT + GAP,
        title,
        _("The table below has the numbers."),
        grid,
        format_html_join("", "{}", ((shape,) for shape in shapes)),
        format_html_join("", "{}", ((label,) for label in _labels(labels))),
        format_html_join("", "{}", ((hint,) for hint in _hints(hints))),
    )


def _columns(layer: Layer, top: int) -> Iterator[SafeString]:
    slot = 100 / max(len(layer.values), 1)
    width = slot * (0.45 if len(layer.values) <= FEW_COLUMNS else 0.72)
    for number, value in enumerate(layer.values):
        if value:
            height = HEIGHT * value / top
            yield format_html(
                '<rect class="sms-otp-{}"{} x="{}%" y="{}" width="{}%" height="{}"/>',
                *(layer.look, layer.fill, _short(number * slot + (slot - width) / 2)),
                *(_short(HEIGHT - height), _short(width), _short(height)),
            )


def _line(layer: Layer) -> Iterator[SafeString]:
    slot = 100 / max(len(layer.values), 1)
    points = [
        None if value is None else (_short((n + 0.5) * slot), _short(HEIGHT * (1 - value)))
        for n, value in enumerate(layer.values)
    ]
    for here, there in pairwise(points):
        if here and there:
            yield format_html(
                '<line class="sms-otp-{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>',
                *(layer.look, *here, *there),
            )
    for point in points:
        if point:
            yield format_html(
                '<circle class="sms-otp-{}" cx="{}%" cy="{}" r="3"/>', layer.look, *point
            )


def _labels(labels: Sequence[str]) -> Iterator[SafeString]:
    every = ceil(len(labels) / MOST_LABELS) or 1
    for number, label in enumerate(labels):
        if number % every == 0:
            # On a phone, every second one is left out.
            look = "sms-otp-label" if number // every % 2 == 0 else "sms-otp-label sms-otp-wide"
            yield format_html(
                '<text class="{}" x="{}%" y="{}" text-anchor="middle">{}</text>',
                *(look, _short((number + 0.5) * 100 / len(labels)), HEIGHT + GAP - 6, label),
            )


def _hints(hints: Sequence[str]) -> Iterator[SafeString]:
    slot = 100 / max(len(hints), 1)
    for number, hint in enumerate(hints):
        yield format_html(
            '<rect class="sms-otp-hint" x="{}%" width="{}%" height="{}">'
            "<title>{}</title></rect>",
            *(_short(number * slot), _short(slot), HEIGHT, hint),
        )


def _round_up(most: float) -> int:
    """Return the next number that four whole and round steps reach."""
    unit = 10 ** int(log10(max(most / STEPS, 1)))
    steps = [int(unit * factor) for factor in ROUND if (unit * factor).is_integer()]
    return STEPS * next(step for step in steps if step * STEPS >= most)


def _short(number: float) -> str:
    """Write a number for SVG, in no language."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
