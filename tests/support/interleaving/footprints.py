"""What a step of a call touches, and so which steps commute.

Two steps of different calls commute where either order leaves both calls and the database in
the same state. What is used here holds on PostgreSQL at READ COMMITTED, where a statement sees
what was committed before it began, and nothing else:

- Two reads commute.
- A write that is not committed yet commutes with a read: it cannot be seen.
- Two writes of one table do not, for the second may wait for the first, or find its unique
  key taken.
- The end of a transaction commutes with nothing that touches a table it wrote: a COMMIT shows
  the rows, and both a COMMIT and a ROLLBACK let others write. So does a statement that fails.

Whole tables stand for their rows, which is coarse: some orders are walked through twice, none
is left out. A statement that is not understood commutes with nothing at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The tables of a step.

    :param reads: tables of which it sees the committed rows.
    :param writes: tables of which it takes row locks, or lets them go. Seen by nobody yet.
    :param publishes: tables of which others see something new after it.
    """

    reads: frozenset[str] = NONE
    writes: frozenset[str] = NONE
    publishes: frozenset[str] = NONE

    def __or__(self, other: Footprint) -> Footprint:
        return Footprint(
            reads=self.reads | other.reads,
            writes=self.writes | other.writes,
            publishes=self.publishes | other.publishes,
        )

    def commutes_with(self, other: Footprint) -> bool:
        return not (
            self.writes & other.writes
            or self.publishes & other.tables
            or other.publishes & self.tables
        )

    @property
    def tables(self) -> frozenset[str]:
        return self.reads | self.writes | self.publishes


class Tables:
    """The tables of a database, and how statements touch them."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._names = frozenset(connection.introspection.django_table_names())
        self._referenced = {
            model._meta.db_table: frozenset(
                field.related_model._meta.db_table
                for field in model._meta.concrete_fields
                if field.is_relation and field.related_model is not None
            )
            for model in apps.get_models()
        }

    def named_in(self, sql: str) -> frozenset[str]:
        words = frozenset(re.findall(r"\w+", sql))
        return self._names & words

    def of_statement(self, sql: str, *, alone: bool) -> Footprint:
        """Return what a statement touches.

        :param alone: it is a transaction of its own.
        """
        verb, tables = verb_of(sql), self.named_in(sql)
        if verb in {"SET", "SAVEPOINT", "RELEASE"}:
            return Footprint()
        if verb == "SELECT" and tables and " FOR " not in sql:
            return Footprint(reads=tables)
        if verb not in {"SELECT", "INSERT", "UPDATE", "DELETE"} or not tables:
            return Footprint(writes=self._names, publishes=self._names)
        return self.of_commit(tables) if alone else Footprint(writes=tables)

    def of_commit(self, written: frozenset[str]) -> Footprint:
        # Foreign keys are checked now, by locking the rows that they point at.
        locked = (self._referenced.get(table, NONE) for table in written)
        return Footprint(writes=written.union(*locked), publishes=written)

    def of_rollback(self, written: frozenset[str]) -> Footprint:
        return Footprint(writes=written)


def verb_of(sql: str) -> str:
    return sql.split(maxsplit=1)[0].upper()
