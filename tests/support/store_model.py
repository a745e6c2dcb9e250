"""What a store of limits must answer, in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from django_sms_otp.controls.quotas import QuotaCharge
from django_sms_otp.controls.stores.store import MOST_EXACT, Taken, grain_of
from django_sms_otp.limits.rates import Entry, Rate, free_at

Key = tuple[str, int]


class Model:
    """One process, no server: uses by key and window, and the newest time of each."""

    def __init__(self) -> None:
        self.entries: dict[Key, tuple[Entry, ...]] = {}
        self.newest: dict[Key, float] = {}
        self.receipts: dict[object, list[list[tuple[Key, float]]]] = defaultdict(list)

    def take(self, uses: Sequence[QuotaCharge], now: float) -> Taken:
        waits: dict[str, float] = {}
        refusing = set()
        for use, rate, key in _limits(uses):
            clock = max(now, self.newest.get(key, now))
            free = free_at(self.entries.get(key, ()), rate, clock)
            if free is not None:
                waits[use.control] = max(free, waits.get(use.control, 0))
                refusing |= {"soft" if use.is_soft else "hard"} if use.enforced else set()
        if "hard" in refusing:
            return Taken(waits=waits, counted=False)
        counted = [each for each in _limits(uses) if not refusing or each[0].counts_withheld]
        receipt = [(key, self._count(rate, key, now)) for _, rate, key in counted]
        self.receipts[now, _keys(uses)].append(receipt)
        return Taken(waits=waits, counted=True)

    def give_back(self, uses: Sequence[QuotaCharge], now: float) -> None:
        receipts = self.receipts[now, _keys(uses)]
        for key, at in receipts.pop(0) if receipts else ():
            entries = list(self.entries[key])
            for index, (time, count) in enumerate(entries):
                if time == at:
                    entries[index : index + 1] = [(time, count - 1)] if count > 1 else []
                    break
            self.entries[key] = tuple(entries)

    def _count(self, rate: Rate, key: Key, now: float) -> float:
        self.newest[key] = max(now, self.newest.get(key, now))
        self.entries[key] = with_use(self.entries.get(key, ()), rate, self.newest[key])
        return self.entries[key][-1][0]


def _limits(uses: Sequence[QuotaCharge]) -> Iterator[tuple[QuotaCharge, Rate, Key]]:
    return ((use, rate, (str(use.key), rate.window)) for use in uses for rate in use.rates)


def _keys(uses: Sequence[QuotaCharge]) -> tuple[Key, ...]:
    return tuple(key for _, _, key in _limits(uses))


def with_use(entries: Sequence[Entry], rate: Rate, now: float) -> tuple[Entry, ...]:
    """Count one more use at ``now``, and forget those that have left the window."""
    grain = grain_of(rate)
    # The end of the grain: an entry leaves the window with the last of its uses, so that the
    # count errs towards fewer uses, never towards more.
    at = math.ceil(now / grain) * grain if grain else now
    live = [entry for entry in entries if entry[0] > now - rate.window]
    if grain and live and live[-1][0] >= at:
        last, uses = live.pop()
        return (*live, (last, uses + 1))
    # More than the count: a limit that only records. The newest decide when it is free again.
    return (*live, (at, 1))[-(MOST_EXACT + 1) if grain else -rate.count :]
