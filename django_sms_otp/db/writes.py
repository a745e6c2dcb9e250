"""The writes of one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError
from django.db.backends.utils import CursorWrapper

from ..models import Limit
from .outages import sqlstate
from .statements import INSERT_LIMIT, Change, Insertion

__all__ = ["LostRace", "Write", "write_in_order"]


[LIMIT_KEY] = [each.name for each in Limit._meta.total_unique_constraints]

DUPLICATES = frozenset({"23505", 1062, 2067})
"""unique_violation of PostgreSQL, ER_DUP_ENTRY of MySQL, SQLITE_CONSTRAINT_UNIQUE."""


class LostRace(Exception):
    """Another request changed a row after this request had read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A change or an insertion, with its values.

    :param is_condition: whether the race is lost if no row matches.
    """

    statement: Change | Insertion
    values: Mapping[str, Any] = field(repr=False)
    is_condition: bool = True


def write_in_order(cursor: CursorWrapper, writes: Sequence[Write]) -> list[int]:
    """Run writes one by one inside a transaction. Return the number of rows each matched.

    :raises LostRace: another request has changed a row. The transaction must be rolled back.
    """
    return [_write(cursor, each) for each in writes]


def _write(cursor: CursorWrapper, write: Write) -> int:
    try:
        matched = write.statement.statement().execute(cursor, write.values)
    except IntegrityError as error:
        if write.statement is INSERT_LIMIT and _is_duplicate(error):
            raise LostRace from error  # Another request has inserted the row.
        raise
    if write.is_condition and not matched:
        raise LostRace
    return matched


def _is_duplicate(error: IntegrityError) -> bool:
    """Return whether the row is there already. Any other error comes again, and is no race."""
    cause = error.__cause__
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    # PostgreSQL names the constraint. A duplicate primary key means that the table was filled
    # without its sequence.
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return constraint in {None, LIMIT_KEY} and not DUPLICATES.isdisjoint(
        {sqlstate(error), sqlite_code, *error.args[:1]}
    )
