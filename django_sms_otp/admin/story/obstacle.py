"""What stands in the way of a code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BAD", "GOOD", "INFO", "Obstacle"]

BAD, GOOD, INFO = "bad", "good", "info"
"""Tones: it stops a code or a login; it went well; it is good to know."""


@dataclass(frozen=True)
class Obstacle:
    """:param advice: what helps; empty if nothing is to be done."""

    text: str
    advice: str = ""
    tone: str = BAD
