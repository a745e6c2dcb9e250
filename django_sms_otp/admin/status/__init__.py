"""The status of a limits row in plain words: what it has counted, against today's settings."""

from __future__ import annotations

from ...models import Limit, LimitKind
from .base import LimitStatus
from .circuit import CircuitStatus
from .number import NumberStatus
from .shared import SharedStatus

__all__ = ["LimitStatus", "status_of"]


def status_of(row: Limit) -> LimitStatus:
    match row.kind:
        case LimitKind.NUMBER:
            return NumberStatus(row)
        case LimitKind.CIRCUIT:
            return CircuitStatus(row)
        case _:
            return SharedStatus(row)
