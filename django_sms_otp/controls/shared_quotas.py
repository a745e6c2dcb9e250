"""The quotas that many numbers share, counted in rows or in a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..conf import Settings
from ..db import NumberRow
from ..limits.keys import LimitKey
from .base import Controls, Subject, Tally, Violation
from .quotas import QuotaCharge, charges_of

if TYPE_CHECKING:
    from .stores.store import Taken

__all__ = ["RowQuotas", "StoreQuotas"]


class _SharedQuotas(Controls):
    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._charges = tuple(charges_of(self.number, subject.caller, self.settings))

    def check(self, row: NumberRow) -> Sequence[Violation]:
        waits = self._waits(row)
        return [
            Violation(
                control=charge.control,
                reason="quota_exceeded",
                free_at=datetime.fromtimestamp(waits[charge.control], UTC),
                is_soft=charge.is_soft,
            )
            for charge in self._countable
            if charge.control in waits
        ]

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        """Return the controls of used-up limits, and when each is free again."""
        raise NotImplementedError

    @property
    def _countable(self) -> list[QuotaCharge]:
        return [each for each in self._charges if not self._is_exempt_from(each)]

    def _is_exempt_from(self, charge: QuotaCharge) -> bool:
        return charge.exempts and self.subject.is_exempt


class RowQuotas(_SharedQuotas):
    """Counts in rows of the database, with one conditional update for each row."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.LIMITS_CACHE is None

    def row_keys(self) -> Iterable[LimitKey]:
        return [charge.key for charge in self._charges]

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        for charge in self._charges:
            now = row.shared[charge.key].now.timestamp()
            counts = charge.counts_withheld or not withheld
            count = int(counts and not self._is_exempt_from(charge))
            # A message that does not count is written too. So the statements are the same for
            # every number, and their time does not tell whether the number has an account.
            counters = tally.counters[charge.key].with_use(charge.rates, now, count=count)
            tally.counters[charge.key] = counters
            if count and charge.enforced:
                tally.rooms[charge.key] = counters.room(charge.rates, now)

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        waits = {}
        for charge in self._countable:
            shared = row.shared[charge.key]
            free_at = shared.counters.free_at(charge.rates, shared.now.timestamp())
            if free_at is not None:
                waits[charge.control] = free_at
        return waits


class StoreQuotas(_SharedQuotas):
    """Counts in Redis or Valkey. The check reserves a use, and a roll-back gives it back."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        # Imported here: few sites have a store, and the others need not load its module.
        from .stores.store import store_in

        self._store = store_in(self.settings.LIMITS_CACHE or "")
        self._taken: Taken | None = None
        self._taken_at = 0.0
        self._counted: list[QuotaCharge] = []

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.LIMITS_CACHE is not None

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        if withheld:
            self._count_as_withheld()

    def roll_back(self) -> None:
        if self._taken and self._taken.counted:
            self._store.give_back(self._counted, self._taken_at)
        self._taken = None

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        if self._taken is None:
            self._taken_at = row.now.timestamp()
            self._counted = self._countable
            self._taken = self._store.take(self._counted, self._taken_at)
        return self._taken.waits

    def _count_as_withheld(self) -> None:
        """Give back the uses that do not count for a withheld message.

        If a limit of the store withholds the message, the store has not counted them.
        """
        waits = self._taken.waits if self._taken else {}
        is_withheld_here = any(each.is_soft and each.control in waits for each in self._counted)
        remaining = [each for each in self._countable if each.counts_withheld]
        if not is_withheld_here and remaining != self._counted:
            self._store.give_back(self._counted, self._taken_at)
            self._counted = remaining
            self._store.take(remaining, self._taken_at)
