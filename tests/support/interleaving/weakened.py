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
    # The ORM quotes names and puts the table before them.
    column = rf'(?:"\w+"\.)?"?(?:{"|".join(columns)})"?'
    # A parameter keeps its place: IS NOT NULL is true of all values that are compared here.
    compared = re.compile(rf"{column} (?:=|<=?|>=?) (%s|%\(\w+\)s|\S+?)(?=[\s)]|$)")
    null = re.compile(rf"{column} IS NULL")

    def weaken(sql: str) -> str:
        parts = re.split("( WHERE | SET )", sql)
        for number, part in enumerate(parts):
            if number and parts[number - 1] == " WHERE ":
                parts[number] = null.sub("TRUE", compared.sub(r"(\1) IS NOT NULL", part))
        return "".join(parts)

    return _rewriting(model, {"UPDATE", "DELETE", "WITH"}, weaken)


def inserting_twice(model: type[models.Model], *key: str) -> Wrapper:
    """Take an INSERT of a key that is there for done, and leave the row as it is."""
    nothing = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {key[0]} = EXCLUDED.{key[0]}"

    def weaken(sql: str) -> str:
        head, returning, columns = sql.partition(" RETURNING ")
        return head + nothing + returning + columns

    return _rewriting(model, {"INSERT"}, weaken)


def _rewriting(model: type[models.Model], verbs: set[str], rewrite: Any) -> Wrapper:
    table = model._meta.db_table

    def wrapper(
        execute: Wrapper, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if verb_of(sql) in verbs and re.search(rf"\b{table}\b", sql):
            sql = rewrite(sql)
        return execute(sql, params, many, context)

    return wrapper
