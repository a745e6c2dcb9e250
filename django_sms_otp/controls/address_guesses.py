"""Limits the wrong guesses of strangers from one IP address, at all numbers together.

Who asked for a code is no stranger to it. So customers behind the address of a carrier log in
when a neighbour has used up its guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from ..conf import get_settings
from ..db import NumberRow, Write
from ..exceptions import Unavailable
from ..limits.addresses import wider_network
from ..limits.keys import FAILURES_IP, LimitKey
from ..limits.shared import UNLIMITED
from .callers import Caller
from .quotas import QuotaCharge
from .stores import LimitStore, Taken, get_store

__all__ = ["AddressGuesses"]

IPV6_BITS = 48
"""The most that one site gets (RFC 6177). Customers of a carrier may share so wide a network,
but who asked for a code is not limited."""


class AddressGuesses:
    """The wrong guesses from the address of one call.

    They are rows of the database, or entries of a store. A row counts a guess when it was
    wrong. A store must count it before it is evaluated: otherwise parallel guesses would all
    be evaluated before the first one is counted.

    Logins go on while the store does not answer. No code is sent then, and the numbers' own
    limits hold.
    """

    def __init__(self, caller: Caller) -> None:
        settings = get_settings()
        rates = settings.rates(FAILURES_IP)
        network = caller.network and (
            wider_network(caller.network, IPV6_BITS) or caller.network
        )
        charge = QuotaCharge(
            control=FAILURES_IP,
            key=LimitKey(FAILURES_IP, network),
            rates=rates,
            enforced=settings.mode(FAILURES_IP) == "enforce",
        )
        self._charges = [charge] if rates and network else []
        self._store = get_store() if self._charges else None
        self._taken: Taken | None = None
        self._are_used_up = False

    @property
    def row_keys(self) -> list[LimitKey]:
        """The key of the row that counts the guesses."""
        return [] if self._store else [charge.key for charge in self._charges]

    @property
    def are_used_up(self) -> bool:
        """Whether the guess that was counted is the last that the limit allows for now."""
        return self._are_used_up

    def locked_until(self, row: NumberRow, *, counts: bool) -> datetime | None:
        """Return when strangers at the address may guess again; ``None`` if they may now.

        :param counts: whether the guess is about to be evaluated. A store then counts it.
        """
        for charge in self._charges:
            free_at = self._free_at(charge, row, counts=counts)
            if free_at is not None and charge.enforced:
                return datetime.fromtimestamp(free_at, UTC)
        return None

    def count(self, row: NumberRow) -> list[Write]:
        """Return the writes that count a wrong guess of a stranger."""
        if self._store:
            if self._taken:
                self._are_used_up = bool(self._look(self._store, row))
            return []
        return [self._counted(charge, row) for charge in self._charges]

    def release(self) -> None:
        """Give back what a store has counted, because the guess was right or not evaluated."""
        if self._store and self._taken:
            with suppress(Unavailable):
                self._store.give_back(self._taken, self._charges)
            self._taken = None

    def _free_at(self, charge: QuotaCharge, row: NumberRow, *, counts: bool) -> float | None:
        if self._store is None:
            shared = row.shared[charge.key]
            return shared.counters.free_at(charge.rates, shared.now.timestamp())
        if self._taken:
            return None  # This call has lost a race, and comes again.
        if not counts:
            return self._look(self._store, row).get(charge.control)
        try:
            taken = self._store.take([charge], row.now.timestamp())
        except Unavailable:
            return None
        free_at = taken.waits.get(charge.control)
        if free_at is None or not charge.enforced:
            self._taken = taken
        return free_at

    def _look(self, store: LimitStore, row: NumberRow) -> Mapping[str, float]:
        try:
            return store.waits(self._charges, row.now.timestamp())
        except Unavailable:
            return {}

    def _counted(self, charge: QuotaCharge, row: NumberRow) -> Write:
        shared = row.shared[charge.key]
        now = shared.now.timestamp()
        counters = shared.counters.with_use(charge.rates, now)
        self._are_used_up = counters.free_at(charge.rates, now) is not None
        room = counters.room(charge.rates, now) if charge.enforced else UNLIMITED
        return shared.counted(counters, room)
