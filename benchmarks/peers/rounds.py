"""The order in which contestants take turns: ABC, CBA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["turned"]

T = TypeVar("T")


def turned(turns: Sequence[T], number: int) -> Sequence[T]:
    """Return the order of a round: each other one backwards, against what drifts."""
    return turns[::-1] if number % 2 else turns
