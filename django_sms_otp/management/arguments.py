"""Types of command line arguments."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """Read a number and a unit: ``90s``, ``45m``, ``12h``, ``30d`` or ``2w``."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip(), re.ASCII)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no duration: write 90s, 45m, 12h, 30d or 2w")
    number, unit = match.groups()
    return timedelta(**{UNITS[unit]: int(number)})


def positive_number(text: str) -> int:
    """Read a whole number of at least one."""
    if not re.fullmatch(r"0*[1-9]\d{0,8}", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def milliseconds(text: str) -> float:
    """Read a whole number of milliseconds, and return seconds."""
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is no whole number of milliseconds")
    return int(text) / 1000
