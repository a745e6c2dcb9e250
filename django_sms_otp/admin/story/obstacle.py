"""What stands in the way of a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["BAD", "GOOD", "INFO", "LATELY", "Obstacle"]

BAD, GOOD, INFO = "bad", "good", "info"
"""Tones: it stops a code or a login; it went well; it is good to know."""

LATELY = timedelta(hours=1)
"""A refusal without an end is worth a headline for so long, and so is an older code."""


@dataclass(frozen=True)
class Obstacle:
    """:param advice: what helps; empty if nothing is to be done."""

    text: str
    advice: str = ""
    tone: str = BAD
