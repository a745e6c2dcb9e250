"""``PRICES``: what a message costs, by backend and country."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..phone import SUPPORTED_REGIONS
from .validators import as_sentence, did_you_mean

__all__ = ["currency_problem", "price_of", "prices_problem"]

ELSEWHERE = "*"

COMMON_MISTAKES = {"UK": "GB", "EN": "GB", "EL": "GR"}


def prices_problem(value: Any) -> str | None:
    """Validate ``PRICES``. A check compares its aliases with those of the backends."""
    if not isinstance(value, Mapping):
        return 'must be a dict by alias, such as {"default": {"US": "0.0083", "*": "0.05"}}'
    for alias, prices in value.items():
        if problem := _problem_of(prices):
            return f"[{alias!r}]{as_sentence(problem, prices)}"
    return None


def _problem_of(prices: Any) -> str | None:
    if not isinstance(prices, Mapping) or not prices:
        return 'must be a dict by region, such as {"US": "0.0083", "*": "0.05"}'
    for region, price in prices.items():
        if region != ELSEWHERE and region not in SUPPORTED_REGIONS:
            return f"has no region {region!r}.{_hint(region)}"
        if _decimal(price) is None:
            text = 'must be a price as a text or a Decimal, such as "0.0083"'
            return f"[{region!r}]{as_sentence(text, price)}"
    return None


def _hint(region: Any) -> str:
    word = str(region).upper()
    known = COMMON_MISTAKES.get(word) or (word if word in SUPPORTED_REGIONS else "")
    return f" Did you mean {known!r}?" if known else did_you_mean(word, SUPPORTED_REGIONS)


def currency_problem(value: Any) -> str | None:
    is_code = isinstance(value, str) and re.fullmatch("[A-Z]{3}", value)
    return None if is_code else 'must be the three letters of a currency, such as "USD"'


def price_of(
    prices: Mapping[str, Mapping[str, Any]], alias: str, region: str
) -> Decimal | None:
    """Return what a message costs; ``None`` if the list does not say."""
    of_backend = prices.get(alias, {})
    return _decimal(of_backend.get(region, of_backend.get(ELSEWHERE)))


def _decimal(price: Any) -> Decimal | None:
    # A float is not what it looks like: 0.1 is a little more.
    if isinstance(price, bool) or not isinstance(price, str | int | Decimal):
        return None
    try:
        found = Decimal(price)
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None
