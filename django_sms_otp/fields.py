"""Model fields that work on every database, and with users in another database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["RequestIdField", "UTCDateTimeField", "UserForeignKey"]


class RequestIdField(models.UUIDField):  # type: ignore[type-arg]  # no generic at run time
    """A UUID of 128 random bits on every database.

    The type ``uuid`` of MariaDB accepts only values with the version and variant bits of
    RFC 9562, which are not random. So the column is text on MariaDB, as it is on MySQL.
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


class UTCDateTimeField(models.DateTimeField):  # type: ignore[type-arg]  # no generic at run time
    """A time that is read in UTC, whatever ``TIME_ZONE`` the database has.

    Python subtracts two times of one zone by the clock on the wall. Over a change to summer
    time, a lifetime would be an hour longer or shorter.
    """

    def from_db_value(self, value: datetime | None, *_args: object) -> datetime | None:
        # USE_TZ may be off: a check reports it.
        return value.astimezone(UTC) if value and value.tzinfo else value

    def deconstruct(self) -> Any:
        """Let migrations name Django's field: the column is the same."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class UserForeignKey(models.ForeignKey):  # type: ignore[type-arg]  # no generic at run time
    """A foreign key without a constraint if a router puts the users into another database."""

    @property
    def db_constraint(self) -> bool:
        if not hasattr(self, "model"):
            return True  # The field is not part of a model yet.
        return router.db_for_write(self.model) == router.db_for_write(get_user_model())

    @db_constraint.setter
    def db_constraint(self, value: bool) -> None:
        """Ignore the value that Django's constructor sets."""

    def deconstruct(self) -> Any:
        """Leave the constraint out of migrations: they are the same for every site."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs
