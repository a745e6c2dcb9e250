"""Converts values between Python and the columns of a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Value

__all__ = ["from_database", "to_database"]


def to_database(
    values: Mapping[str, Any],
    fields: Mapping[str, Field[Any, Any]],
    connection: BaseDatabaseWrapper,
) -> dict[str, Any]:
    """Prepare parameters for a statement.

    :param fields: the column that each parameter is written to or compared with. A parameter
        without a column is not converted.
    """
    return {
        name: fields[name].get_db_prep_value(value, connection) if name in fields else value
        for name, value in values.items()
    }


def from_database(
    rows: Iterable[Sequence[Any]],
    fields: Sequence[Field[Any, Any]],
    connection: BaseDatabaseWrapper,
) -> list[list[Any]]:
    """Convert the rows of a cursor to the values of their fields."""
    converted = [list(row) for row in rows]
    for number, field in enumerate(fields):
        column = Value(None, output_field=field)
        backend = connection.ops.get_db_converters(column)
        for convert in (*backend, *column.get_db_converters(connection)):
            for row in converted:
                row[number] = convert(row[number], column, connection)
    return converted
