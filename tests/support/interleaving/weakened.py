"""A database that does not keep its word: guards broken on purpose.

Execute wrappers that rewrite the SQL on its way. They work on names of columns, so that it does
not matter which code made the statement, nor how.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import models

from .caller import Wrapper
from .footprints import verb_of


def ignoring(model: type[models.Model], *columns: str) -> Wrapper:
    """Change and delete rows of ``model`` whatever these columns hold."""
    names = "|".join(columns)
    # A parameter keeps its place: IS NOT NULL is true of all that are compared here.
    compared = re.compile(rf'"\w+"\."(?:{names})" (?:=|<=?|>=?) (%s|\S+?)(?=[\s)]|$)')
    null = re.compile(rf'"\w+"\."(?:{names})" IS NULL')

    def weaken(sql: str) -> str:
        head, where, conditions = sql.partition(" WHERE ")
        conditions = compared.sub(r"(\1) IS NOT NULL", conditions)
        return head + where + null.sub("TRUE", conditions)

    return _rewriting(model, {"UPDATE", "DELETE", "WITH"}, weaken)


def inserting_twice(model: type[models.Model]) -> Wrapper:
    """Take an INSERT of a key that is there for done, and leave the row as it is."""
    key = f'"{model._meta.pk.column}"'
    nothing = f" ON CONFLICT ({key}) DO UPDATE SET {key} = EXCLUDED.{key}"

    def weaken(sql: str) -> str:
        head, returning, columns = sql.partition(" RETURNING ")
        return head + nothing + returning + columns

    return _rewriting(model, {"INSERT"}, weaken)


def _rewriting(model: type[models.Model], verbs: set[str], rewrite: Any) -> Wrapper:
    table = model._meta.db_table

    def wrapper(
        execute: Wrapper, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if verb_of(sql) in verbs and f'"{table}"' in sql:
            sql = rewrite(sql)
        return execute(sql, params, many, context)

    return wrapper
