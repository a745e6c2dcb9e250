"""What the fields of a new user hold: what is missing, and what all new users share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import DateField, Field, TimeField, UniqueConstraint, Value
from django.db.models.expressions import F

__all__ = ["missing_fields", "repeated_fields"]

OWN = object()
"""Stands for a value that each new user has for itself, such as a key."""

Values = Mapping[str, Any]


def missing_fields(known: Values) -> list[str]:
    """Return the fields that a new user cannot be saved without.

    :param known: the values that the resolver gives.
    """
    return [field.name for field in _columns() if _is_missing(field, known)]


def repeated_fields(one: Values, other: Values) -> list[str]:
    """Return the fields that must be unique and are the same for two new users.

    The first one is saved, and every later one is an ``IntegrityError``.

    :param one: the values that the resolver gives to a user.
    :param other: the values that it gives to the next one.
    """
    columns = {field.name: field for field in _columns()}
    repeated: dict[str, None] = {}
    for names, nulls_distinct in _unique_sets():
        values = [_repeated(columns[name], one, other) for name in names if name in columns]
        is_distinct = any(
            value is OWN or (value is None and nulls_distinct) for value in values
        )
        if values and not is_distinct:
            repeated |= dict.fromkeys(names)
    return [*repeated]


def _columns() -> list[Field[Any, Any]]:
    return list(get_user_model()._meta.concrete_fields)


def _is_missing(field: Field[Any, Any], known: Values) -> bool:
    if field.name in known or field.null or field.has_default() or _fills_itself(field):
        return False
    return not field.blank or field.get_default() is None


def _repeated(field: Field[Any, Any], one: Values, other: Values) -> Any:
    """Return the value that each new user has in a field, or ``OWN``."""
    if field.name in one:
        value = one[field.name]
        return value if other.get(field.name, OWN) == value else OWN
    if field.has_default():
        # A function such as uuid4() gives another value each time.
        value = field.get_default()
        return value if field.get_default() == value else OWN
    if field.has_db_default():
        value = getattr(field, "db_default", OWN)
        if isinstance(value, Value):
            return value.value
        return OWN if hasattr(value, "resolve_expression") else value
    return OWN if _fills_itself(field) else field.get_default()


def _fills_itself(field: Field[Any, Any]) -> bool:
    """Tell whether a field gives each new user a value, or the database does."""
    if isinstance(field, models.AutoField | models.GeneratedField) or field.has_db_default():
        return True
    if field.name == "password" or getattr(field.remote_field, "parent_link", False):
        return True
    if isinstance(field, DateField | TimeField):
        return bool(field.auto_now or field.auto_now_add)
    # A field of another package, such as one of slugs, makes its value when it is saved.
    return not type(field).pre_save.__module__.startswith("django.db.models.")


def _unique_sets() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Return the names of fields that are unique together, and whether nulls are distinct.

    A constraint with a condition may leave new users out, so none is here.
    """
    user_model = get_user_model()
    for model in (user_model, *user_model._meta.get_parent_list()):
        meta = model._meta
        yield from (
            ((field.name,), True) for field in meta.local_concrete_fields if field.unique
        )
        yield from ((tuple(names), True) for names in meta.unique_together)
        for each in meta.constraints:
            if isinstance(each, UniqueConstraint) and each.condition is None:
                yield _names_of(each), each.nulls_distinct is not False


def _names_of(constraint: UniqueConstraint) -> tuple[str, ...]:
    """Return the fields of a constraint, also those inside of expressions."""
    inside = [name for each in constraint.expressions for name in _names_in(each)]
    return (*constraint.fields, *inside)


def _names_in(expression: Any) -> list[str]:
    if isinstance(expression, F):
        return [getattr(expression, "name")]  # noqa: B009  (the stubs lack it)
    return [name for each in expression.get_source_expressions() for name in _names_in(each)]
