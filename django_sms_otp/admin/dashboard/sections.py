"""The charts over time, each with its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .cells import Table
from .charts import Chart, Layer, column_chart, share_chart
from .report import Report

__all__ = ["Section", "sections"]


@dataclass(frozen=True, slots=True)
class Section:
    """:param note: how to read the columns of the chart."""

    title: str | Promise
    chart: Chart
    table: Table
    note: str | Promise = ""


def sections(report: Report) -> Iterator[Section]:
    codes = report.codes()
    labels = [report.label(step) for step in report.steps]

    table = codes.only("start", "requested", "sent", "delivered", "redeemed")
    layers = [
        Layer(look, column.label, _counts(report, column.name))
        for look, column in zip(LOOKS, table.columns[1:], strict=True)
    ]
    title = _("Codes")
    chart = column_chart(str(title), labels, _hints(table), layers)
    yield Section(title, chart, table, NESTED)

    table = codes.only("start", "sent", "redeemed", "conversion")
    line = Layer("line", _("codes redeemed, of those sent"), _shares(report))
    title = _("Conversion")
    yield Section(title, share_chart(str(title), labels, _hints(table), line), table)

    table = codes.only("start", "refused", "withheld")
    withheld = _counts(report, "withheld")
    both = [a + b for a, b in zip(_counts(report, "refused"), withheld, strict=True)]
    # One stands on the other.
    layers = [Layer("alarm", _("refused"), both), Layer("hatch", _("withheld"), withheld)]
    title = _("Refused and withheld")
    chart = column_chart(str(title), labels, _hints(table), layers)
    yield Section(title, chart, table, ADDED_UP)


NESTED = _(
    "The whole bar is the codes requested. Each colour reaches up to the number that got that "
    "far."
)
ADDED_UP = _(
    "The whole bar is both together. Refused: the person was told so. Withheld: the person was "
    "told that a code was sent, and none was."
)

LOOKS = ("outline", "hatch", "soft", "solid")


def _counts(report: Report, event: str) -> list[int]:
    return [step.counts[event] for step in report.steps]


def _shares(report: Report) -> list[float | None]:
    return [
        min(step.counts["redeemed"] / step.counts["sent"], 1.0) if step.counts["sent"] else None
        for step in report.steps
    ]


def _hints(table: Table) -> Sequence[str]:
    """Return what each row says, in one line."""
    _first, *labels = (str(each.label) for each in table.columns)
    return [
        f"{row[0].text}: "
        + ", ".join(f"{label} {cell.text}" for label, cell in zip(labels, row[1:], strict=True))
        for row in table.rows
    ]
