"""The budget of unverified numbers, and the conversion breaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.utils.functional import cached_property

from ..conf import Settings
from ..db import LimitRow, NumberRow
from ..limits.keys import IP, LimitKey
from ..stats.rollup import busiest_day
from .base import Controls, Tally, Violation
from .breakers import Trip, trip_of
from .pumping import country_is_over, network_is_over
from .quotas import shared_key

__all__ = ["FraudControls"]


class FraudControls(Controls):
    """Both controls let verified numbers pass and do not count them."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return bool(settings.budget or settings.heeds_fraud_blocks)

    def row_keys(self) -> Iterable[LimitKey]:
        return {*self._budget_keys, *self._breaker_keys}

    def watched_keys(self) -> Iterable[LimitKey]:
        # A gateway may have reported fraud, even if the site has no breaker.
        return self._keys_for("prefix") if self.settings.heeds_fraud_blocks else []

    def check(self, row: NumberRow) -> Sequence[Violation]:
        # Lists: every row is judged, for verified numbers too. So the time of the answer does
        # not tell whether the number has an account.
        used_up = [self._is_used_up(row.shared[key]) for key in self._budget_keys]
        blocking = {*self._breaker_keys, *self.watched_keys()}
        blocked = [_is_blocked(row.shared[key]) for key in blocking]
        is_over_budget, is_blocked = any(used_up), any(blocked)
        if self.subject.is_exempt(row) or (is_blocked and self.subject.is_trusted(row)):
            return []
        found = {"budget": is_over_budget, "breaker": is_blocked}
        is_soft = self.settings.UNKNOWN_NUMBERS != "reject"
        return [
            Violation(control=control, reason="quota_exceeded", is_soft=is_soft)
            for control, is_violated in found.items()
            if is_violated
        ]

    def trips(self, row: NumberRow) -> Iterator[Trip]:
        for key in self._breaker_keys:
            shared = row.shared[key]
            if trip := trip_of(key, shared.counters, shared.now.timestamp()):
                yield trip

    def commit(self, row: NumberRow, tally: Tally, *, withheld: bool) -> None:
        for key in self.row_keys():
            tally.replaced.add(key)
            if withheld or self.subject.is_exempt(row):
                continue
            now = row.shared[key].now.timestamp()
            counters = tally.counters[key].with_sent(now)
            if key.kind == IP:
                counters = counters.with_region(now, self.number.region, redeemed=False)
            tally.counters[key] = counters

    @cached_property
    def _budget_keys(self) -> list[LimitKey]:
        return self._keys_for("country", "ip") if self.settings.budget else []

    @cached_property
    def _breaker_keys(self) -> list[LimitKey]:
        return self._keys_for("country", "prefix") if self.settings.breaker else []

    def _keys_for(self, *controls: str) -> list[LimitKey]:
        keys = [shared_key(each, self.number, self.subject.caller) for each in controls]
        return [key for key in keys if key]

    def _is_used_up(self, shared: LimitRow) -> bool:
        budget, now = self.settings.budget, shared.now.timestamp()
        if budget is None:
            return False
        if shared.key.kind == IP:
            return network_is_over(budget, shared.counters, now, region=self.number.region)
        return country_is_over(budget, shared.counters, now, busiest_day=self._busiest_day)

    @cached_property
    def _busiest_day(self) -> int:
        return busiest_day(self.number.region)


def _is_blocked(shared: LimitRow) -> bool:
    now = shared.now.timestamp()
    if shared.counters.blocked_until > now:
        return True
    trip = trip_of(shared.key, shared.counters, now)
    return trip is not None and trip.blocks
