"""The column of numbers that open accounts, as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from ..db import database_alias
from ..models import VerifiedPhone
from .phone_fields import phone_field
from .users import UserFieldResolver, get_user_resolver

__all__ = ["StoredNumbers"]

BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredNumbers:
    """The column by which the user resolver of the site finds accounts."""

    rows: QuerySet[Any]
    name: str

    @classmethod
    def of_site(cls) -> StoredNumbers:
        """:raises InvalidSettings: the settings name no such column."""
        if not isinstance(get_user_resolver(), UserFieldResolver):
            rows = VerifiedPhone.objects.using(database_alias(VerifiedPhone))
            return cls(rows, "phone_number")
        # Hidden users too: their numbers are taken.
        everybody = get_user_model()._base_manager.using(database_alias(get_user_model()))
        return cls(everybody.all(), phone_field().name)

    def values(self, most: int | None = None) -> Iterator[tuple[Any, Any]]:
        """Return the key and the value of each row that has a number, oldest first."""
        given = self.rows.exclude(**{f"{self.name}__isnull": True}).order_by("pk")
        found = given.values_list("pk", self.name)[:most].iterator()
        return ((key, value) for key, value in found if value != "")

    def holders(self, numbers: Iterable[str]) -> dict[str, Any]:
        """Return the key of the row that holds each number."""
        found: dict[str, Any] = {}
        rest = iter(numbers)
        while batch := [*islice(rest, BATCH)]:
            rows = self.rows.filter(**{f"{self.name}__in": batch})
            for key, value in rows.values_list("pk", self.name):
                found[str(getattr(value, "as_e164", value))] = key
        return found

    def same_user(self, one: Any, other: Any) -> bool:
        """Tell whether two rows are of one user."""
        if self.rows.model is not VerifiedPhone:
            return bool(one == other)
        users = self.rows.filter(pk__in=[one, other]).values_list("user_id", flat=True)
        return len({*users}) == 1

    def replace(self, key: Any, old: Any, new: str) -> bool:
        """Write a new number. Return whether the row still had the old one."""
        return bool(self.rows.filter(pk=key, **{self.name: old}).update(**{self.name: new}))
