"""Statements that the ORM writes once, and that are then bound and run many times.

To build a query and to compile it takes the ORM a thousand function calls and more, which was
most of what a request cost. A :class:`Statement` is a query of the ORM's with a :class:`Param`
in the place of each value. It is compiled when it is first used on a database; from then on its
parameters are bound, and it runs through Django's own cursor, so that execute wrappers, query
logs and database errors are as ever. Models' signals are not sent, as with ``bulk_create()``.
Where the database may keep plans, it is not planned anew either: see :mod:`~.plans`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, Model, QuerySet, fields
from django.db.models.sql import InsertQuery, Query, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from .drivers import matched
from .plans import has_plans, with_names

__all__ = ["Joined", "Param", "Statement", "insert", "param", "update"]

Prepare = Callable[[Any, BaseDatabaseWrapper], Any]

NOTHING: Mapping[str, Any] = MappingProxyType({})


def _adapted(value: datetime | None, connection: BaseDatabaseWrapper) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


PREPARE: dict[type[Field[Any, Any]], Prepare | None] = {
    fields.BigIntegerField: None,
    fields.BooleanField: None,
    fields.CharField: None,
    fields.DateTimeField: _adapted,
    fields.PositiveSmallIntegerField: None,
}
"""How values of our own get to the database; ``None``: as they are. A field's own method does
the same, and first sees to values of other types, which forms and fixtures may have."""


class Param(Expression):
    """A value that is not known before the statement runs.

    :param name: what :meth:`Statement.execute` calls it.
    :param field: the column that it is written to, or compared with.
    """

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        return "%s", (self,)


def param(model: type[Model], name: str, called: str = "") -> Any:
    """Return the parameter of a column, ``called`` like it or otherwise."""
    return Param(called or name, model._meta.get_field(name))  # type: ignore[arg-type]


def update(rows: QuerySet[Any], **changes: Any) -> Query:
    """Return what ``rows.update(**changes)`` runs."""
    query: UpdateQuery = rows.query.chain(UpdateQuery)  # type: ignore[assignment]
    query.add_update_values(changes)
    return query


def insert(
    model: type[Model], names: Collection[str], *, constants: Mapping[str, Any] = NOTHING
) -> Query:
    """Return what a model's ``create()`` runs, with these columns as parameters; the others
    are left to the database.

    :param constants: columns that have the same value each time.
    """
    given = {*names, *constants}
    columns = [each for each in model._meta.concrete_fields if each.attname in given]
    params = {each.attname: Param(each.attname, each) for each in columns}
    query = InsertQuery(model)
    query.insert_values(columns, [model(**{**params, **constants})])
    return query


class Joined(NamedTuple):
    """Queries that are one statement.

    :param join: makes one text of theirs, with the parameters of each where they were.
    """

    queries: Sequence[Query]
    join: Callable[[Sequence[str]], str]


class _Value(NamedTuple):
    """What stands in a place of a statement.

    :param name: of a parameter; empty: it is a constant.
    :param prepare: how to prepare it; ``None``: not at all.
    """

    name: str
    prepare: Prepare | None
    constant: Any


class _Compiled(NamedTuple):
    """
    :param values: of all places.
    :param converters: by column: of values that the database's driver returns otherwise than
        the model's field.
    :param is_planned: whether the database keeps its plan. Its values have names then, and
        ``values`` each of them once.
    """

    sql: str
    values: Sequence[_Value]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    is_planned: bool = False

    def bound(self, values: Mapping[str, Any], connection: BaseDatabaseWrapper) -> list[Any]:
        """Return what stands in its places."""
        return [
            constant
            if not name
            else values[name]
            if prepare is None
            else prepare(values[name], connection)
            for name, prepare, constant in self.values
        ]

    def run(self, cursor: CursorWrapper, values: Mapping[str, Any]) -> None:
        params: Any = self.bound(values, cursor.db)
        if self.is_planned:
            params = dict(zip([value.name for value in self.values], params, strict=True))
        cursor.execute(self.sql, params)

    def planned(self, connection: BaseDatabaseWrapper) -> _Compiled:
        """Return the same as a statement whose plan the database keeps."""
        names = [value.name for value in self.values]
        constants = [value.constant for value in self.values if not value.name]
        with connection.cursor() as cursor:
            sql = with_names(self.sql, names, constants, cursor)
        given = {value.name: value for value in self.values if value.name}
        return self._replace(sql=sql, values=[*given.values()], is_planned=True)


class Statement:
    """
    :param build: returns the query, or several. Its arguments are the statement's *shape*: what
        of it is not a parameter, such as how many keys it looks for.
    """

    def __init__(self, build: Callable[..., Query | Joined]) -> None:
        self.query = build
        self._compiled: dict[Hashable, _Compiled] = {}
        self.__doc__ = build.__doc__

    def bound(
        self, connection: BaseDatabaseWrapper, *shape: Hashable, **values: Any
    ) -> tuple[str, list[Any]]:
        """Return its SQL, and the parameters of it: to be sent together with others."""
        compiled = self._for(connection, shape, is_planned=False)
        return compiled.sql, compiled.bound(values, connection)

    def execute(self, cursor: CursorWrapper, *shape: Hashable, **values: Any) -> int:
        """Run it, and return how many rows it matched."""
        self._for(cursor.db, shape, is_planned=has_plans(cursor)).run(cursor, values)
        return matched(cursor, 1)[0] if cursor.db.execute_wrappers else int(cursor.rowcount)

    def rows(self, cursor: CursorWrapper, *shape: Hashable, **values: Any) -> list[list[Any]]:
        """Run it, and return the rows that it found, as the models' fields have them."""
        compiled = self._for(cursor.db, shape, is_planned=has_plans(cursor))
        compiled.run(cursor, values)
        rows = [list(row) for row in cursor.fetchall()]
        for column, converters, expression in compiled.converters:
            for row in rows:
                for convert in converters:
                    row[column] = convert(row[column], expression, cursor.db)
        return rows

    def _for(
        self, connection: BaseDatabaseWrapper, shape: tuple[Hashable, ...], *, is_planned: bool
    ) -> _Compiled:
        key = (connection.alias, is_planned, shape)
        # Two threads may both compile it at first, and come to the same.
        if key not in self._compiled:
            compiled = _compile(self.query(*shape), connection.alias)
            self._compiled[key] = compiled.planned(connection) if is_planned else compiled
        return self._compiled[key]


def _compile(query: Query | Joined, alias: str) -> _Compiled:
    if isinstance(query, Joined):
        parts = [_compile(each, alias) for each in query.queries]
        return _Compiled(
            sql=query.join([part.sql for part in parts]),
            values=[value for part in parts for value in part.values],
            converters=[],
        )
    compiler = query.get_compiler(alias)
    written = compiler.as_sql()
    sql, params = written[0] if isinstance(query, InsertQuery) else written
    columns = [column for column, *_ in compiler.select or ()]
    converters = compiler.get_converters(columns)
    return _Compiled(
        sql=sql,
        values=[_value(each) for each in params],
        converters=[(column, *found) for column, found in converters.items()],
    )


def _value(value: Any) -> _Value:
    if not isinstance(value, Param):
        return _Value("", None, value)
    field = value.output_field
    return _Value(value.name, PREPARE.get(type(field), field.get_db_prep_value), None)
