"""Columns that Django's own fields do not give on every database and site."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["RequestIdField", "UserForeignKey"]


class RequestIdField(models.UUIDField):  # type: ignore[type-arg]  # no generic at run time
    """A UUID of 128 random bits on every database.

    MariaDB's own type refuses most of them: it insists on the version and variant bits of
    RFC 9562, which are not random. There the column is text, as on MySQL.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "char(32)" if connection.vendor == "mysql" else super().db_type(connection)

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002  (Django's signature)
    ) -> Any:
        value = self.to_python(value)
        if value is not None and connection.vendor == "mysql":
            return value.hex
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, *_args: object) -> Any:
        return self.to_python(value)


class UserForeignKey(models.ForeignKey):  # type: ignore[type-arg]  # no generic at run time
    """Has no constraint where a router has put the users into another database."""

    @property
    def db_constraint(self) -> bool:
        if not hasattr(self, "model"):
            return True  # A migration's, not yet part of a model.
        return router.db_for_write(self.model) == router.db_for_write(get_user_model())

    @db_constraint.setter
    def db_constraint(self, value: bool) -> None:
        """Django's constructor sets it."""

    def deconstruct(self) -> Any:
        """Leave the constraint out of migrations, which are the same for every site."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs
