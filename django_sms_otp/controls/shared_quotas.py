"""The quotas that many numbers share, counted in rows or in a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from ..conf import Settings
from ..db import NumberRow
from ..limits.keys import LimitKey
from .base import Controls, Subject, Tally, Violation
from .quotas import QuotaCharge, charges_of
from .stores import LimitStore, Taken

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
            for charge in self._countable(row)
            if charge.control in waits
        ]

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        """Return the controls of used-up limits, and when each is free again."""
        raise NotImplementedError

    def _countable(self, row: NumberRow) -> list[QuotaCharge]:
        return [each for each in self._charges if not self._is_exempt_from(each, row)]

    def _is_exempt_from(self, charge: QuotaCharge, row: NumberRow) -> bool:
        return charge.exempts and self.subject.is_exempt(row)


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
            count = int(counts and not self._is_exempt_from(charge, row))
            # A message that does not count is written too. So the statements are the same for
            # every number, and their time does not tell whether the number has an account.
            counters = tally.counters[charge.key].with_use(charge.rates, now, count=count)
            tally.counters[charge.key] = counters
            if count and charge.enforced:
                tally.rooms[charge.key] = counters.room(charge.rates, now)

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        waits = {}
        for charge in self._countable(row):
            shared = row.shared[charge.key]
            free_at = shared.counters.free_at(charge.rates, shared.now.timestamp())
            if free_at is not None:
                waits[charge.control] = free_at
        return waits


class StoreQuotas(_SharedQuotas):
    """Counts in Redis or Valkey. The check reserves a use, and a roll-back gives it back."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._store = LimitStore(self.settings.LIMITS_CACHE or "")
        self._taken: Taken | None = None

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.LIMITS_CACHE is not None

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        returned = [each for each in self._charges if withheld and not each.counts_withheld]
        # The store is asked for every message. So the time of the answer does not tell that a
        # message is withheld.
        if self._taken:
            self._store.give_back(self._taken, returned)

    def roll_back(self) -> None:
        if self._taken:
            self._store.give_back(self._taken, self._charges)

    def _waits(self, row: NumberRow) -> Mapping[str, float]:
        if self._charges and self._taken is None:
            self._taken = self._store.take(self._countable(row), row.now.timestamp())
        return self._taken.waits if self._taken else {}
