"""Limits rows and codes as they were read, and how a row is replaced."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from ..limits.shared import SharedState
from ..models import Limit, OTPCode, new_version
from .statements import (
    LIMIT_FIELDS,
    insert_limit,
    read_by_keys,
    read_by_request_id,
    replace_limit,
)
from .writes import Write

__all__ = ["LimitRow", "Read"]

CLOCK_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A limits row as it is in the table."""

    key: str
    state: Mapping[str, Any]
    version: int
    updated_at: datetime
    held: bool


class LimitRow:
    """A limits row as it was read: of a number, or shared by many.

    ``now`` is this round's time for it: the application's clock, but always after the row's
    last change. A clock that steps back frees no one from a wait, and each change has a time
    of its own.
    """

    def __init__(self, key: str, row: Limit | Stored | None, clock: datetime) -> None:
        self.key = key
        self.data: Mapping[str, Any] = row.state if row else {}
        self.now = max(clock, row.updated_at + CLOCK_TICK) if row else clock
        self._version = row.version if row else None

    @cached_property
    def state(self) -> SharedState:
        """What a shared row remembers."""
        return SharedState.from_json(self.data)

    def replacement(self, state: Mapping[str, Any], *, held: bool = False) -> Write:
        """Return what replaces the row, if it still is the one that was read."""
        seen = self._version
        version = new_version() if seen is None else seen + 1
        values = {
            "key": self.key,
            "state": state,
            "version": version,
            "updated_at": self.now,
            "held": held,
        }
        if seen is None:
            return Write(insert_limit, values)
        return Write(replace_limit, {**values, "seen": seen})


@dataclass(frozen=True, slots=True)
class Read:
    """What a round reads, in one statement.

    :param keys: the number's first; none: the number is that of ``request_id``.
    :param watched: keys of shared rows that are not replaced.
    """

    alias: str
    keys: Sequence[str]
    purpose: str
    request_id: uuid.UUID | None = None
    watched: Sequence[str] = ()

    def all(self, cursor: CursorWrapper) -> tuple[dict[str, Stored], list[list[Any]]]:
        """Return the limits rows by their keys, and the columns of the number's codes of the
        purpose that have not expired."""
        limits: dict[str, Stored] = {}
        codes: list[list[Any]] = []
        for values in self._found(cursor):
            of_limit, of_code = values[: len(LIMIT_FIELDS)], values[len(LIMIT_FIELDS) :]
            limit = Stored(*of_limit)
            limits[limit.key] = limit
            if of_code[0] is not None:
                codes.append(of_code)
        return limits, codes

    def _found(self, cursor: CursorWrapper) -> list[list[Any]]:
        of_codes = {"purpose": self.purpose, "now": timezone.now()}
        keys = (*self.keys, *self.watched)
        if not keys:
            return read_by_request_id.rows(cursor, id=self.request_id, **of_codes)
        named = {f"key{number}": key for number, key in enumerate(keys)}
        return read_by_keys.rows(cursor, len(keys), **named, **of_codes)

    def lock(self) -> None:
        """Take the locks of all rows. Writes nothing new: what is read from here on holds."""
        if not self.keys:
            self._rows().filter(key__in=self._number()).update(key=F("key"))
        for key in (*self.keys[:1], *sorted(self.keys[1:])):
            self._rows().filter(key=key).update(key=key)

    def _rows(self) -> QuerySet[Limit]:
        return Limit.objects.using(self.alias)

    def _number(self) -> QuerySet[OTPCode, str]:
        codes = OTPCode.objects.using(self.alias).filter(Q(pk=self.request_id))
        return codes.values_list("phone_number", flat=True)
