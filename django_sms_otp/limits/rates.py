"""Rates such as ``"5/h,10/d"``, and sliding windows. No I/O.

"5/h" means at most five in *any* hour, not five in each hour of the clock.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Entry", "Rate", "free_at", "parse_rates", "span", "used"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_WINDOW = 30 * UNITS["d"]
PATTERN = re.compile(r"(\d{1,9})/(\d{0,4})([smhd])", re.ASCII)

Entry = tuple[float, int]
"""A time in seconds since the epoch, and the number of uses at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``count`` uses in any ``window`` seconds."""

    count: int
    window: int

    def __str__(self) -> str:
        amount, unit = _span(self.window)
        return f"{self.count}/{amount if amount > 1 else ''}{unit}"


def span(window: int) -> str:
    """Return a window of seconds as a text: ``1h``, ``10m`` or ``1d``."""
    amount, unit = _span(window)
    return f"{amount}{unit}"


def _span(window: int) -> tuple[int, str]:
    unit = next(name for name, size in reversed(UNITS.items()) if window % size == 0)
    return window // UNITS[unit], unit


@functools.lru_cache(maxsize=256)
def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read one or more rates: ``"50/h"``, ``"5/h,10/d"``, ``"3/10m"``. All of them apply.

    :raises ValueError: ``text`` is malformed; the message says what to write.
    """
    rates = tuple(_parse_rate(part.strip()) for part in text.split(","))
    if len({rate.window for rate in rates}) < len(rates):
        raise ValueError("names the same window twice")
    return rates


def _parse_rate(text: str) -> Rate:
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError('must be a rate such as "50/h", "5/h,10/d" or "3/10m"')
    count, amount, unit = match.groups()
    rate = Rate(count=int(count), window=int(amount or 1) * UNITS[unit])
    if rate.count < 1 or not 1 <= rate.window <= LONGEST_WINDOW:
        raise ValueError("must allow at least 1, in a window of at most 30d")
    return rate


def used(entries: Iterable[Entry], window: int, now: float) -> int:
    """Return the number of uses in the last ``window`` seconds."""
    return sum(uses for at, uses in entries if at > now - window)


def free_at(entries: Iterable[Entry], rate: Rate, now: float) -> float | None:
    """Return the time at which one more use fits, or ``None`` if it fits now."""
    live = [entry for entry in entries if entry[0] > now - rate.window]
    too_many = sum(uses for _, uses in live) - (rate.count - 1)
    free: float | None = None
    for at, uses in live:
        if too_many <= 0:
            break
        too_many -= uses
        free = at + rate.window
    return free
