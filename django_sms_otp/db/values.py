"""Converts values between Python and the columns of a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Value

__all__ = ["from_database", "to_database"]

Fields = Mapping[str, "Field[Any, Any]"]
"""Columns by name, in the order of the model."""

PLAIN = frozenset({bool, int, str, type(None)})
"""Types that every database driver takes as they are."""

Conversion = tuple[int, Sequence[Callable[..., Any]], Any]
"""A column's position, its converters and the expression that they want to see."""


def to_database(
    values: Mapping[str, Any],
    fields: Fields,
    connection: BaseDatabaseWrapper,
) -> dict[str, Any]:
    """Prepare parameters for a statement.

    :param fields: the column that each parameter is written to or compared with. A parameter
        without a column is not converted.
    """
    prepared = dict(values)
    for name, value in values.items():
        if isinstance(value, datetime):
            prepared[name] = connection.ops.adapt_datetimefield_value(value)
        elif name in fields and type(value) not in PLAIN:
            prepared[name] = fields[name].get_db_prep_value(value, connection)
    return prepared


def from_database(
    rows: Iterable[Sequence[Any]], fields: Fields, connection: BaseDatabaseWrapper
) -> list[list[Any]]:
    """Convert the rows of a cursor to the values of their fields."""
    converted = [list(row) for row in rows]
    for number, converters, column in _conversions(connection.alias, tuple(fields.values())):
        for row in converted:
            for convert in converters:
                row[number] = convert(row[number], column, connection)
    return converted


@lru_cache
def _conversions(alias: str, fields: tuple[Field[Any, Any], ...]) -> list[Conversion]:
    connection = connections[alias]
    conversions: list[Conversion] = []
    for number, field in enumerate(fields):
        column = Value(None, output_field=field)
        backend = connection.ops.get_db_converters(column)
        if converters := [*backend, *column.get_db_converters(connection)]:
            conversions.append((number, converters, column))
    return conversions
