"""What one login takes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one login.

    :param site: seconds of the processors that its own processes had.
    :param database: the same, of PostgreSQL's.
    :param written: bytes of the write-ahead log.
    """

    site: float
    database: float
    written: float
