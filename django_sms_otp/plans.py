"""Statements that PostgreSQL plans once a connection, and not each time anew.

To plan a statement of ours takes PostgreSQL longer than to run it. Whether a connection may
keep plans is for the site to say, by psycopg's ``prepare_threshold`` among the ``OPTIONS`` of
its database. Django turns that off, for the sake of poolers that hand each transaction to
another connection of theirs. psycopg itself keeps the plans of statements whose values the
server binds, and Django has the client bind them: so we prepare ours by SQL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["UNUSABLE", "Plan", "keeps_plans"]

UNUSABLE = frozenset({"0A000", "26000", "42P05"})
"""feature_not_supported ("cached plan must not change result type": a table was altered),
invalid_sql_statement_name, duplicate_prepared_statement (PostgreSQL, appendix A): somebody else
has a hand in the plans of a connection."""

_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""The names of the plans of each connection of psycopg's."""


class Plan(NamedTuple):
    """
    :param declaration: has a connection make the plan.
    :param call: runs it, with ``%s`` in the place of each value.
    """

    name: str
    declaration: str
    call: str

    @classmethod
    def of(
        cls, sql: str, places: Sequence[int | None], constants: Sequence[Any], cursor: Any
    ) -> Self:
        """
        :param sql: with ``%s`` in the place of each parameter.
        :param places: which value stands there, from 1 on; ``None``: the next constant.
        """
        pieces = sql.split("%s")
        names = ["%s" if place is None else f"${place}" for place in places]
        text = "".join(piece + name for piece, name in zip(pieces, [*names, ""], strict=True))
        text = cursor.mogrify(text, list(constants))
        name = f"sms_otp_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        values = ", ".join(["%s"] * max((each or 0 for each in places), default=0))
        return cls(name, f"PREPARE {name} AS {text}", f"EXECUTE {name} ({values})")

    def made_on(self, connection: BaseDatabaseWrapper) -> str:
        """Return how to run it, and see to it that the connection has it."""
        names = _prepared.setdefault(connection.connection, set())
        if self.name not in names:
            with connection.cursor() as cursor:
                cursor.execute(self.declaration)
            names.add(self.name)
        return self.call


def keeps_plans(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the site lets this connection keep plans, and psycopg keeps none itself."""
    if getattr(connection.connection, "prepare_threshold", None) is None:
        return False
    return not getattr(connection.features, "uses_server_side_binding", True)
