"""Everything that the page and the CSV files say about a span."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ... import phone
from ...conf import get_settings
from ..words import meaning_of
from . import cells
from .cells import Cell, Column, Table
from .figures import (
    Step,
    Totals,
    read_events,
    read_messages,
    read_prefixes,
    read_steps,
    read_totals,
)
from .lines import Cost, Line, cost_of, lines_by_backend, lines_by_country
from .spans import Span

__all__ = ["Report"]

ACTIONS = ("refused", "withheld", "recorded")
"""What a control does to a message."""

RESULTS = (
    Column("requested", _("requested")),
    Column("sent", _("sent")),
    Column("delivered", _("delivered")),
    Column("redeemed", _("redeemed")),
)
CONVERSION = Column("conversion", _("conversion"))
REFUSED = Column("refused", _("refused"))
WITHHELD = Column("withheld", _("withheld"))
OUTCOMES = (
    CONVERSION,
    *RESULTS,
    Column("median_seconds", _("median time")),
    Column("p95_seconds", _("95% within")),
    Column("messages", _("messages")),
)


class Report:
    """The tables of a span, each read when it is asked for.

    :param shows_numbers: whether the reader may see whole prefixes.
    """

    def __init__(self, span: Span, *, shows_numbers: bool) -> None:
        self.span = span
        self.shows_numbers = shows_numbers

    @property
    def tables(self) -> Mapping[str, Callable[[], Table]]:
        """The tables by the names of their CSV files."""
        return {
            "codes": self.codes,
            "countries": self.countries,
            "backends": self.backends,
            "prefixes": self.prefixes,
            "controls": self.controls,
        }

    @cached_property
    def steps(self) -> Sequence[Step]:
        return read_steps(self.span)

    @cached_property
    def totals(self) -> Totals:
        return read_totals(self.span)

    @cached_property
    def all(self) -> Line:
        return Line("", self.totals.all(), cost_of(self.totals))

    def before(self) -> Line:
        """Return the figures of the span before."""
        return Line("", read_events(*self.span.before), self._cost(*self.span.before))

    def cost_of_month(self) -> Cost:
        month = Span.named("month")
        return self._cost(month.since, month.until)

    def _cost(self, since: datetime, until: datetime) -> Cost:
        # Without prices, nothing shows it.
        has_prices = bool(get_settings().PRICES)
        return cost_of(read_messages(since, until)) if has_prices else Cost(None, 0)

    def label(self, step: Step) -> str:
        """Return how the axis names an hour or a day."""
        at = timezone.localtime(step.start)
        if self.span.is_by_hour:
            return date_format(at, "TIME_FORMAT")
        # Django has no format with a short name of the month.
        return date_format(at, get_format("MONTH_DAY_FORMAT").replace("F", "M"))

    def codes(self) -> Table:
        first = Column(
            "start", _("hour") if self.span.is_by_hour else _("day"), is_number=False
        )
        columns = (first, *RESULTS, CONVERSION, REFUSED, WITHHELD)
        return Table("codes", columns, [self._codes_of(step) for step in self.steps])

    def _codes_of(self, step: Step) -> Sequence[Cell]:
        at = timezone.localtime(step.start)
        value = at.isoformat() if self.span.is_by_hour else at.date().isoformat()
        form = "SHORT_DATETIME_FORMAT" if self.span.is_by_hour else "SHORT_DATE_FORMAT"
        return (
            cells.text(value, date_format(at, form)),
            *(cells.count(step.counts[each.name]) for each in RESULTS),
            cells.share(step.counts["redeemed"], step.counts["sent"]),
            *(cells.count(step.counts[each.name]) for each in (REFUSED, WITHHELD)),
        )

    def countries(self) -> Table:
        lines = lines_by_country(self.totals)
        name = Column("country", _("country"), is_number=False)
        found = _outcomes("countries", name, lines, cells.country)
        rows = [
            (*row, cells.count(line.refused))
            for row, line in zip(found.rows, lines, strict=True)
        ]
        return Table("countries", (*found.columns, REFUSED), rows)

    def backends(self) -> Table:
        name = Column("backend", _("backend"), is_number=False)
        return _outcomes("backends", name, lines_by_backend(self.totals), cells.text)

    def prefixes(self) -> Table:
        columns = (
            Column("prefix", _("prefix"), is_number=False),
            Column("country", _("country"), is_number=False),
            CONVERSION,
            *(each for each in RESULTS if each.name != "delivered"),
        )
        found = read_prefixes(self.span)
        most = max((each.counts["requested"] for each in found), default=0)
        rows = [
            (
                self._prefix(each.prefix),
                cells.country(each.region),
                cells.share(each.counts["redeemed"], each.counts["sent"]),
                cells.count(each.counts["requested"], most),
                cells.count(each.counts["sent"]),
                cells.count(each.counts["redeemed"]),
            )
            for each in found
        ]
        return Table("prefixes", columns, rows)

    def _prefix(self, prefix: str) -> Cell:
        shown = prefix if self.shows_numbers else phone.mask_prefix(prefix)
        # Without the plus: a spreadsheet would take it for a formula. The marks keep it before
        # the digits where the text runs from right to left.
        return cells.text(shown.removeprefix("+"), f"\u2066{shown}\u2069")

    def controls(self) -> Table:
        columns = (
            Column("meaning", _("meaning"), is_number=False),
            *(REFUSED, WITHHELD, Column("recorded", _("only recorded"))),
            Column("control", _("control"), is_number=False, is_key=True),
        )
        found: dict[str, Counter[str]] = {}
        for event, count in self.all.counts.items():
            action, _colon, control = event.partition(":")
            if action in ACTIONS:
                found.setdefault(control, Counter())[action] += count
        busiest = sorted(found.items(), key=lambda line: (-line[1].total(), line[0]))
        most = max((counts[action] for _, counts in busiest for action in ACTIONS), default=0)
        rows = [
            (
                cells.text(meaning_of(control), meaning_of(control) or control),
                *(cells.count(counts[action], most) for action in ACTIONS),
                cells.text(control),
            )
            for control, counts in busiest
        ]
        return Table("controls", columns, rows)


def _outcomes(
    name: str, first: Column, lines: Sequence[Line], heading: Callable[[str], Cell]
) -> Table:
    """Return what became of the codes of each country or backend."""
    has_prices = bool(get_settings().PRICES)
    rows = []
    for line in lines:
        row = [
            heading(line.key),
            cells.share(line.count("redeemed"), line.count("sent"), with_bar=True),
            *(cells.count(line.count(each.name)) for each in RESULTS),
            cells.seconds(line.median),
            cells.seconds(line.p95),
            cells.count(line.count("messages")),
        ]
        rows.append([*row, cells.money(line.cost.amount)] if has_prices else row)
    cost = [Column("cost", _("cost"))] if has_prices else []
    return Table(name, (first, *OUTCOMES, *cost), rows)
