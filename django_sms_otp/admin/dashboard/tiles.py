"""The key figures of a span, each beside that of the span before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...conf import get_settings
from ..formatting import format_moment
from . import cells
from .cells import Cell
from .figures import Waiting
from .lines import Cost, Line

__all__ = ["Tile", "tiles"]


@dataclass(frozen=True, slots=True)
class Tile:
    """
    :param notes: short sentences below the figure.
    """

    label: str | Promise
    figure: str
    notes: tuple[str, ...] = ()


def tiles(
    now: Line, before: Line, *, month: Cost, waiting: Waiting, at: datetime
) -> Iterator[Tile]:
    requested, earlier = now.count("requested"), before.count("requested")
    yield Tile(
        gettext_lazy("Codes requested"),
        cells.count(requested).text,
        (*_change(requested, earlier), *_before(cells.count(earlier))),
    )
    yield Tile(
        gettext_lazy("Conversion"),
        _conversion(now).text,
        (_("codes redeemed, of those sent"), *_before(_conversion(before))),
    )
    yield Tile(
        gettext_lazy("Median time"),
        cells.seconds(now.median).text,
        (*_of_95_percent(now), *_before(cells.seconds(before.median))),
    )
    if get_settings().PRICES:
        yield Tile(
            gettext_lazy("Cost"),
            cells.money(now.cost.amount).text,
            (*_costs(now.cost, month), *_before(cells.money(before.cost.amount))),
        )
    yield Tile(
        gettext_lazy("Messages waiting to be sent"),
        cells.count(waiting.count).text,
        _oldest(waiting, at),
    )


def _conversion(line: Line) -> Cell:
    return cells.share(line.count("redeemed"), line.count("sent"))


def _before(cell: Cell) -> tuple[str, ...]:
    return (
        (_("%(figure)s in the period before") % {"figure": cell.text},)
        if cell.value != ""
        else ()
    )


def _change(now: int, before: int) -> Iterator[str]:
    """Yield how many percent more or fewer it is."""
    if before:
        sign = "+" if now >= before else "\N{MINUS SIGN}"
        percent = cells.rounded(abs(now / before - 1) * 100)
        # Isolated: where the text runs from right to left, the sign would come behind.
        yield f"\u2066{sign}{_('%(number)s%%') % {'number': percent}}\u2069"


def _of_95_percent(line: Line) -> tuple[str, ...]:
    if line.p95 is None:
        return ()
    return (
        _("from message to login; 95%% within %(time)s")
        % {"time": cells.seconds(line.p95).text},
    )


def _costs(cost: Cost, month: Cost) -> Iterator[str]:
    yield _("This month: %(cost)s") % {"cost": cells.money(month.amount).text}
    if cost.unpriced:
        number = cells.count(cost.unpriced).text
        yield ngettext(
            "%(number)s message has no price",
            "%(number)s messages have no price",
            cost.unpriced,
        ) % {"number": number}


def _oldest(waiting: Waiting, at: datetime) -> tuple[str, ...]:
    if waiting.since is None:
        return ()
    return (_("the oldest since %(time)s") % {"time": format_moment(waiting.since, at)},)
