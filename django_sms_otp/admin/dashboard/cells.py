"""What stands in a table: a value for programs, its text for people, and a bar beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ...conf import get_settings
from ...phone import SATELLITE_REGION
from ...phone.countries import country_names
from ..formatting import format_region

__all__ = [
    "Cell",
    "Column",
    "Table",
    "count",
    "country",
    "money",
    "rounded",
    "seconds",
    "share",
    "text",
]

UNKNOWN = "\N{EN DASH}"

MINUTES_FROM = 90
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """
    :param value: what the CSV file has: a number, a code, a time in ISO 8601; empty if unknown.
    :param bar: how long the bar is, from 0 to 1; ``None``: there is no bar.
    """

    value: Any
    text: str
    bar: float | None = None

    @property
    def bar_shape(self) -> SafeString:
        length = self.bar or 0
        return format_html('<rect width="{}%" height="100%"/>', f"{length * 100:.1f}")


@dataclass(frozen=True, slots=True)
class Column:
    """
    :param name: the column's name in the CSV file, in no language.
    :param is_key: whether it has a word of the settings, which few readers look for.
    """

    name: str
    label: str | Promise
    is_number: bool = True
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """:param name: also that of the CSV file. The first cell of a row is its heading."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    @property
    def marked_rows(self) -> list[list[tuple[Column, Cell]]]:
        """The rows, each cell with its column."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    def only(self, *names: str) -> Table:
        """Return the table without the other columns."""
        kept = [number for number, each in enumerate(self.columns) if each.name in names]
        return Table(
            self.name,
            [self.columns[number] for number in kept],
            [[row[number] for number in kept] for row in self.rows],
        )


def rounded(number: float) -> str:
    """Write a number without decimals. Django would cut them off."""
    return number_format(round(number), force_grouping=True)


def text(value: str, shown: str = "") -> Cell:
    return Cell(value, shown or value)


def country(region: str) -> Cell:
    if not region:
        return Cell("", _("no country"))
    names = country_names(get_language() or "en")
    is_country = region != SATELLITE_REGION and region in names
    return Cell(region, names[region] if is_country else format_region(region))


def count(number: int, most: int = 0) -> Cell:
    """:param most: what the longest bar stands for; 0: there is no bar."""
    bar = number / most if most and number else None
    return Cell(number, number_format(number, force_grouping=True), bar)


def share(part: int, whole: int, *, with_bar: bool = False) -> Cell:
    if not whole:
        return Cell("", UNKNOWN)
    found = part / whole
    shown = _("%(number)s%%") % {"number": rounded(found * 100)}
    return Cell(round(found, 4), shown, min(found, 1.0) if with_bar else None)


def seconds(number: float | None) -> Cell:
    """Write a number of seconds; ``inf`` is longer than an hour."""
    if number is None:
        return Cell("", UNKNOWN)
    if number == inf:
        return Cell("", _("over 1 h"))
    value = round(number, 1)
    if number < MINUTES_FROM:
        shown = _("%(seconds)s s") % {"seconds": rounded(number)}
    else:
        shown = _("%(minutes)s min") % {"minutes": rounded(number / 60)}
    return Cell(value, shown)


def money(amount: Decimal | None) -> Cell:
    if amount is None:
        return Cell("", UNKNOWN)
    number = number_format(round(amount, 2), 2, force_grouping=True)
    return Cell(f"{amount.normalize():f}", f"{number} {get_settings().CURRENCY}")
