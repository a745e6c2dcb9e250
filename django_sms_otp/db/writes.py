"""Writes that belong to one transaction, and how they get to the database.

PostgreSQL is sent all of them at once. Each would wait for the answer to the one before it
otherwise, with the number's row locked; and of what a login takes, waiting for answers is the
larger part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.db.backends.utils import CursorWrapper

from ..models import OTPCode
from .compiled import Statement
from .drivers import begun_by_ourselves, matched, takes_several
from .plans import has_plans
from .statements import (
    WITH_LIMITS,
    insert_limit,
    replace_limit,
)

__all__ = ["LostRound", "Write", "is_one_statement", "send", "send_as_one"]

UNIQUE_VIOLATION = "23505"
"""PostgreSQL, appendix A."""


class LostRound(Exception):
    """Another request changed what this one had read."""


@dataclass(frozen=True, slots=True)
class Write:
    """
    :param is_condition: a round is lost where this matches no row.
    """

    statement: Statement
    values: Mapping[str, Any]
    shape: Sequence[str] = ()
    is_condition: bool = True


def send(cursor: CursorWrapper, writes: Sequence[Write]) -> list[int]:
    """Run writes inside a transaction, in their order; return how many rows each matched.

    :raises LostRound: a row is no longer as it was read: the transaction is to be rolled back.
    """
    if takes_several(cursor):
        # What keeps plans takes one statement at a time.
        several = cursor.db.cursor() if has_plans(cursor) else cursor
        found = _at_once(several, writes)
    else:
        found = [_alone(cursor, write) for write in writes]
    if any(write.is_condition and not rows for write, rows in zip(writes, found, strict=True)):
        raise LostRound
    return found


def is_one_statement(cursor: CursorWrapper, writes: Sequence[Write]) -> bool:
    """Tell whether one statement can do all of it: a transaction by itself, that nobody has to
    begin and to commit."""
    *others, last = writes
    connection = cursor.db
    return (
        last.statement in WITH_LIMITS
        and all(write.statement is replace_limit for write in others)
        # A wrapper of the site's may put statements before ours: its result is the last one.
        and takes_several(cursor)
        # Off inside a transaction, too: of the site's, which is refused, or of our own.
        and connection.autocommit
        # Stricter levels are relaxed, which takes a transaction.
        and connection.settings_dict["OPTIONS"].get("isolation_level") is None
    )


def send_as_one(cursor: CursorWrapper, writes: Sequence[Write]) -> None:
    """
    :param writes: that :func:`is_one_statement`.
    :raises LostRound: a row is no longer as it was read: nothing was written.
    """
    *others, last = writes
    values = {
        f"{name}{number}": value
        for number, write in enumerate(others)
        for name, value in write.values.items()
    }
    shape = (len(others), *last.shape)
    if not WITH_LIMITS[last.statement].execute(cursor, *shape, **values, **last.values):
        raise LostRound


def _alone(cursor: CursorWrapper, write: Write) -> int:
    try:
        found = write.statement.execute(cursor, *write.shape, **write.values)
    except IntegrityError as error:
        if write.statement is insert_limit:
            raise LostRound from error
        raise
    if write.is_condition and not found:
        raise LostRound
    return found


def _at_once(cursor: CursorWrapper, writes: Sequence[Write]) -> list[int]:
    texts: list[str] = []
    params: list[Any] = []
    for write in writes:
        text, mine = write.statement.bound(cursor.db, *write.shape, **write.values)
        texts.append(text)
        params += mine
    try:
        with begun_by_ourselves(cursor.db) as begins:
            cursor.execute("; ".join(["BEGIN", *texts] if begins else texts), params)
    except IntegrityError as error:
        if _has_been_inserted(writes, error):
            raise LostRound from error
        raise
    return matched(cursor, len(writes))


def _has_been_inserted(writes: Sequence[Write], error: IntegrityError) -> bool:
    """Tell whether somebody else has made a limits row meanwhile."""
    if not any(write.statement is insert_limit for write in writes):
        return False
    cause = error.__cause__
    # Not by the name of the limits' table: a partition or a shard has one of its own.
    table = getattr(getattr(cause, "diag", None), "table_name", None)
    is_duplicate = getattr(cause, "sqlstate", None) == UNIQUE_VIOLATION
    return is_duplicate and table != OTPCode._meta.db_table
