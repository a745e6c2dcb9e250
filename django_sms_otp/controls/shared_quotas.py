"""The quotas that many numbers share, counted in rows or in a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
        return [*self._violations(row)]

    def _violations(self, row: NumberRow) -> Iterator[Violation]:
        """Yield the violations of limits that are used up, or used up but for their reserve."""
        taken = self._taken(row)
        for charge in self._countable(row):
            if free_at := taken.waits.get(charge.control):
                yield _violation(charge, free_at, is_soft=charge.is_soft)
            elif free_at := taken.reserved.get(charge.control):
                yield _violation(charge, free_at, is_soft=charge.hides)

    def _taken(self, row: NumberRow) -> Taken:
        raise NotImplementedError

    def _countable(self, row: NumberRow) -> list[QuotaCharge]:
        return [each for each in self._charges if self._is_countable(each, row)]

    def _is_countable(self, charge: QuotaCharge, row: NumberRow) -> bool:
        if charge.is_by_address and self.subject.has_paid:
            return False
        return not (charge.exempts and self.subject.is_exempt(row))


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
            count = int(counts and self._is_countable(charge, row))
            # A message that does not count is written too. So the statements are the same for
            # every number, and their time does not tell whether the number has an account.
            counters = tally.counters[charge.key].with_use(charge.rates, now, count=count)
            tally.counters[charge.key] = counters
            if count and charge.enforced:
                # If others use up the open part meanwhile, this request checks again.
                rates = charge.rates if _open_at(charge, row) else charge.open_rates
                tally.rooms[charge.key] = counters.room(rates, now)

    def _taken(self, row: NumberRow) -> Taken:
        waits, reserved = {}, {}
        for charge in self._countable(row):
            shared = row.shared[charge.key]
            free_at = shared.counters.free_at(charge.rates, shared.now.timestamp())
            if free_at is not None:
                waits[charge.control] = free_at
            elif (open_at := _open_at(charge, row)) and not self.subject.is_trusted(row):
                reserved[charge.control] = open_at
        return Taken(waits=waits, reserved=reserved)


class StoreQuotas(_SharedQuotas):
    """Counts in Redis or Valkey. The check reserves a use, and a roll-back gives it back."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._store = LimitStore(self.settings.LIMITS_CACHE or "")
        self._uses: Taken | None = None

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.LIMITS_CACHE is not None

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        returned = [each for each in self._charges if withheld and not each.counts_withheld]
        # The store is asked for every message. So the time of the answer does not tell that a
        # message is withheld.
        if self._uses:
            self._store.give_back(self._uses, returned)

    def roll_back(self) -> None:
        kept = self.subject.has_paid
        returned = [each for each in self._charges if not (kept and each.is_by_address)]
        if self._uses:
            self._store.give_back(self._uses, returned)

    def _taken(self, row: NumberRow) -> Taken:
        if self._charges and self._uses is None:
            self._uses = self._store.take(
                self._countable(row),
                row.now.timestamp(),
                is_trusted=lambda: self.subject.is_trusted(row),
            )
        return self._uses or Taken()


def _open_at(charge: QuotaCharge, row: NumberRow) -> float | None:
    """Return when unverified numbers may use a limit again, or ``None`` if they may now."""
    if not charge.reserved:
        return None
    shared = row.shared[charge.key]
    return shared.counters.free_at(charge.open_rates, shared.now.timestamp())


def _violation(charge: QuotaCharge, free_at: float, *, is_soft: bool) -> Violation:
    return Violation(
        control=charge.control,
        reason="quota_exceeded",
        free_at=datetime.fromtimestamp(free_at, UTC),
        is_soft=is_soft,
    )
