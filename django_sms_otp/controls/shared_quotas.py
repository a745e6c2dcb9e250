"""Quotas of the IP address, the prefix, the country and the site: in rows, or in a cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..db.rounds import NumberRow
from ..limits.shared import SharedState
from .base import Controls, Finding, Subject
from .quotas import Use, uses_of
from .stores import get_store

if TYPE_CHECKING:
    from .stores.store import Taken

__all__ = ["SharedQuotas"]


class SharedQuotas(Controls):
    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._uses = tuple(uses_of(self.number, subject.caller, self.settings))
        self._store = get_store()
        self._taken: Taken | None = None
        self._taken_at = 0.0
        self._counted: list[Use] = []

    def row_keys(self) -> Iterable[str]:
        return [] if self._store else [use.key for use in self._uses]

    def findings(self, row: NumberRow) -> Iterator[Finding]:
        waits = self._waits(row)
        for use in self._countable:
            if use.control in waits:
                yield Finding(
                    control=use.control,
                    reason="quota_exceeded",
                    free_at=datetime.fromtimestamp(waits[use.control], UTC),
                    is_soft=use.is_soft,
                )

    def count(self, row: NumberRow, states: dict[str, SharedState], *, withheld: bool) -> None:
        if self._store:
            if withheld:
                self._keep_only_withheld()
            return
        for use in self._countable:
            if use.counts_withheld or not withheld:
                now = row.shared[use.key].now.timestamp()
                states[use.key] = states[use.key].with_use(use.rates, now)

    def release(self) -> None:
        if self._store and self._taken and self._taken.counted:
            self._store.give_back(self._counted, self._taken_at)
        self._taken = None

    def _keep_only_withheld(self) -> None:
        """Where another control withholds the message, let it not count as sent."""
        waits = self._taken.waits if self._taken else {}
        by_store = any(use.is_soft and use.control in waits for use in self._counted)
        kept = [use for use in self._countable if use.counts_withheld]
        if self._store and not by_store and kept != self._counted:
            self._store.give_back(self._counted, self._taken_at)
            self._counted = kept
            self._store.take(kept, self._taken_at)

    @property
    def _countable(self) -> list[Use]:
        return [use for use in self._uses if not (self.subject.verified and use.exempts)]

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        if self._store is None:
            return dict(self._rows_waits(row))
        if self._taken is None:
            self._taken_at = row.now.timestamp()
            self._counted = self._countable
            self._taken = self._store.take(self._counted, self._taken_at)
        return self._taken.waits

    def _rows_waits(self, row: NumberRow) -> Iterator[tuple[str, float]]:
        for use in self._countable:
            shared = row.shared[use.key]
            free_at = shared.state.free_at(use.rates, shared.now.timestamp())
            if free_at is not None:
                yield use.control, free_at
