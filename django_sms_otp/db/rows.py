"""Rows of limits as they were read, and the writes that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property

from ..limits.keys import LimitKey
from ..limits.shared import SharedCounters
from ..models import Limit
from .statements import COUNT_USE, INSERT_LIMIT, REPLACE_LIMIT
from .transactions import await_turn
from .writes import Write

__all__ = ["LimitRow", "lock_limit", "lock_rows"]

CLOCK_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """A row of limits as it was read.

    :param now: the time by the application's clock, but always later than the last change of
        the row. So a clock that steps back ends no wait early, and no two changes of the row
        have the same time.
    :param stored: the row; ``None`` if there is none yet.
    """

    key: LimitKey
    now: datetime
    stored: Limit | None

    @classmethod
    def of(cls, key: LimitKey, stored: Limit | None, clock: datetime) -> LimitRow:
        now = max(clock, stored.updated_at + CLOCK_TICK) if stored else clock
        return cls(key=key, now=now, stored=stored)

    @property
    def state(self) -> Mapping[str, Any]:
        return self.stored.state if self.stored else {}

    @cached_property
    def counters(self) -> SharedCounters:
        """The state of a row that many numbers share."""
        return SharedCounters.from_json(self.state, uses=self.stored.uses if self.stored else 0)

    def replacement(
        self, state: Mapping[str, Any], *, uses: int = 0, is_kept: bool = False
    ) -> Write:
        """Return the write that replaces the row, if no other request has changed it."""
        values = {
            "state": state,
            "uses": uses,
            "updated_at": self.now,
            "is_kept": is_kept,
        }
        if self.stored is None:
            key = {"kind": self.key.kind, "subject": self.key.subject, "version": 0}
            return Write(statement=INSERT_LIMIT, values={**key, **values})
        seen = {
            "id": self.stored.pk,
            "seen": self.stored.version,
            "seen_uses": self.stored.uses,
        }
        values |= {**seen, "version": self.stored.version + 1}
        return Write(statement=REPLACE_LIMIT, values=values)

    def with_counters(self, counters: SharedCounters) -> Write:
        """Return the write that replaces a shared row's counters."""
        return self.replacement(counters.to_json(), uses=counters.uses)

    def counted(self, counters: SharedCounters, room: int, *, as_whole: bool = False) -> Write:
        """Return the write that counts uses in a shared row.

        :param room: the most uses that the current grain may hold.
        :param as_whole: replace the row even if only the uses of the current grain change.
        """
        before = self.counters
        has_changed = replace(counters, uses=before.uses) != before
        if self.stored is None or has_changed or as_whole:
            return self.with_counters(counters)
        count = counters.uses - before.uses
        values = {
            "id": self.stored.pk,
            "seen": self.stored.version,
            "count": count,
            "most": room - count,
        }
        return Write(statement=COUNT_USE, values=values)


def lock_limit(alias: str, key: LimitKey) -> None:
    """Lock a row until the end of the transaction.

    An update that changes nothing does so on every database. SQLite has no ``FOR UPDATE``.
    """
    Limit.objects.using(alias).filter(kind=key.kind, subject=key.subject).update(kind=key.kind)


def lock_rows(rows: QuerySet[Any]) -> list[Any]:
    """Lock rows until the end of the transaction, which has not read before. Return them."""
    await_turn(rows.model)
    return list(rows.select_for_update())
