"""What follows from the counts of a country or a backend: conversion, times, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ...conf import get_settings, price_of
from ...stats.durations import percentile
from .figures import Totals

__all__ = ["Cost", "Line", "cost_of", "lines_by_backend", "lines_by_country"]


@dataclass(frozen=True, slots=True)
class Cost:
    """
    :param amount: what the messages cost; ``None`` if no price is known.
    :param unpriced: the messages without a price.
    """

    amount: Decimal | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class Line:
    """The counts of a country, a backend or the whole site.

    :param key: the region or the alias.
    """

    key: str
    counts: Mapping[str, int]
    cost: Cost

    def count(self, event: str) -> int:
        return self.counts.get(event, 0)

    @property
    def refused(self) -> int:
        return sum(n for event, n in self.counts.items() if event.startswith("refused:"))

    @property
    def median(self) -> float | None:
        return percentile(self.counts, 0.5)

    @property
    def p95(self) -> float | None:
        return percentile(self.counts, 0.95)


def cost_of(totals: Totals) -> Cost:
    return _cost({key: n for key, n in totals.counts.items() if key[2] == "messages"})


def lines_by_country(totals: Totals) -> list[Line]:
    """Return a line for each country, the one with most codes first."""
    return _lines(totals, totals.by_region(), 0)


def lines_by_backend(totals: Totals) -> list[Line]:
    """Return a line for each backend, the one with most codes first."""
    found = _lines(totals, totals.by_backend(), 1)
    # What happens before a backend has the message.
    return [line for line in found if line.key]


def _lines(totals: Totals, counts: Mapping[str, Mapping[str, int]], place: int) -> list[Line]:
    messages: dict[str, dict[tuple[str, str, str], int]] = {key: {} for key in counts}
    for key, number in totals.counts.items():
        if key[2] == "messages":
            messages[key[place]][key] = number
    lines = [Line(key, events, _cost(messages[key])) for key, events in counts.items()]
    return sorted(lines, key=lambda line: (-line.count("requested"), -line.refused, line.key))


def _cost(messages: Mapping[tuple[str, str, str], int]) -> Cost:
    prices = get_settings().PRICES
    amount, unpriced, is_known = Decimal(0), 0, False
    for (region, alias, _event), number in messages.items():
        price = price_of(prices, alias, region)
        if price is None:
            unpriced += number
        else:
            amount += price * number
            is_known = True
    return Cost(amount if is_known or (prices and not unpriced) else None, unpriced)
