"""What a store of limits must answer, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django_sms_otp.controls.quotas import QuotaCharge

Key = tuple[str, int]
Ticket = dict[Key, int]
"""The grain in which each limit counted."""

GRAINS = 60


class Model:
    """One process, no server: the grain of each use, by key and window."""

    def __init__(self) -> None:
        self.uses: dict[Key, list[int]] = defaultdict(list)
        self.newest: dict[Key, int] = defaultdict(int)

    def take(
        self, charges: Sequence[QuotaCharge], now: float
    ) -> tuple[dict[str, float], Ticket]:
        waits: dict[str, float] = {}
        refusals: set[str] = set()
        ticket: Ticket = {}
        for charge in charges:
            for rate in charge.rates:
                key = (str(charge.key), rate.window)
                ticket[key] = grain = max(int(now * GRAINS // rate.window), self.newest[key])
                live = sorted(each for each in self.uses[key] if each >= grain - GRAINS)
                if len(live) >= rate.count:
                    free_at = (live[-rate.count] + GRAINS + 1) * rate.window / GRAINS
                    waits[charge.control] = max(free_at, waits.get(charge.control, 0))
                    if charge.enforced:
                        refusals.add("soft" if charge.is_soft else "hard")
        if "hard" in refusals:
            return waits, {}
        if refusals:
            counting = {str(each.key) for each in charges if each.counts_withheld}
            ticket = {key: grain for key, grain in ticket.items() if key[0] in counting}
        for key, grain in ticket.items():
            self.uses[key].append(grain)
            self.newest[key] = grain
        return waits, ticket

    def give_back(self, ticket: Ticket, charges: Sequence[QuotaCharge]) -> None:
        for charge in charges:
            for rate in charge.rates:
                key = (str(charge.key), rate.window)
                if key in ticket:
                    self.uses[key].remove(ticket.pop(key))
