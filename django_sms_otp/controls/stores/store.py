"""Limits of IP addresses, prefixes, countries and the site in Redis or Valkey.

``LIMITS_CACHE`` chooses the store. The limits of a phone number stay in its row, which is the
lock of every change to the number. The windows slide as they do in the database.

If the store fails, :class:`~django_sms_otp.exceptions.Unavailable` is raised and nothing is
sent. Otherwise an attacker who takes the store down would get a site without limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ...exceptions import InvalidSettings, Unavailable
from ...limits.rates import Rate
from ..quotas import QuotaCharge
from . import caches
from .scripts import GIVE_BACK, TAKE

__all__ = ["MOST_EXACT", "LimitStore", "Taken", "grain_of", "store_in"]

PREFIX = "{sms_otp}"
"""The braces keep all keys in one slot of a cluster. A script needs that."""

MOST_EXACT = 60
"""A limit of up to 60 uses keeps the time of each use. In a larger limit the uses share 60
grains of the window."""

MARGIN = 60
"""Seconds that a key outlives its window. The clocks of server and application differ."""

RECEIPT_EXPIRY = 300
"""Seconds in which a use can be given back."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer of a store.

    :param waits: the controls of used-up limits, and when each is free again, in seconds since
        the epoch. Controls that only record are among them.
    :param counted: ``False`` if a limit that refuses openly was used up. Then nothing was
        counted.
    """

    waits: Mapping[str, float]
    counted: bool


def store_in(alias: str) -> LimitStore:
    """Return the store in a cache.

    :raises InvalidSettings: the cache cannot hold limits.
    """
    # A system check says so too, but checks can be silenced. The limits would not hold then.
    if problem := caches.problem_of(alias):
        raise InvalidSettings(f"SMS_OTP['LIMITS_CACHE']: {problem}")
    return LimitStore(alias)


class LimitStore:
    """Counts uses in a cache on Redis or Valkey."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def take(self, charges: Sequence[QuotaCharge], now: float) -> Taken:
        """Count one use of each limit at ``now`` in one atomic step.

        If a limit that refuses openly is used up, nothing is counted. If a soft limit is used
        up, only the limits that count withheld messages count the use.

        :param now: the application's time, in seconds since the epoch.
        :raises Unavailable: the store did not answer.
        """
        limits = list(_limits(charges))
        if not limits:
            return Taken(waits={}, counted=True)
        args = [arg for limit in limits for arg in limit.args()]
        counted, *answers = self._run(TAKE, limits, now, [_exact(now), *args])
        waits: dict[str, float] = {}
        for limit, answer in zip(limits, answers, strict=True):
            if answer:
                control = limit.charge.control
                waits[control] = max(float(answer), waits.get(control, 0))
        return Taken(waits=waits, counted=bool(counted))

    def give_back(self, charges: Sequence[QuotaCharge], now: float) -> None:
        """Undo one earlier :meth:`take` with the same arguments.

        It is safe to repeat: each take is undone once, within ``RECEIPT_EXPIRY`` seconds.

        :raises Unavailable: the store did not answer.
        """
        if limits := list(_limits(charges)):
            self._run(GIVE_BACK, limits, now, [limit.expiry for limit in limits])

    def _run(
        self, script: str, limits: Sequence[_Limit], now: float, args: Sequence[str | int]
    ) -> Any:
        keys = [self._key(f"limit:{limit.key}") for limit in limits]
        # The receipt of this take alone: the limits that it counted in, and the entries.
        receipt = self._key(f"receipt:{_digest([_exact(now), *keys])}")
        try:
            run = caches.raw_client(self._alias).register_script(script)
            return run(keys=[receipt, *keys], args=[RECEIPT_EXPIRY, *args])
        except caches.store_errors() as error:
            raise Unavailable(
                f"The cache {self._alias!r} did not answer: {type(error).__name__}."
            ) from error

    def _key(self, name: str) -> str:
        return caches.full_key(self._alias, f"{PREFIX}:{name}")


@dataclass(frozen=True, slots=True)
class _Limit:
    """One rate of a charge. It has a key of its own in the store."""

    charge: QuotaCharge
    rate: Rate

    @property
    def key(self) -> str:
        return f"{self.charge.key}:{self.rate.window}"

    @property
    def expiry(self) -> int:
        return math.ceil(self.rate.window + grain_of(self.rate)) + MARGIN

    @property
    def kind(self) -> str:
        if not self.charge.enforced:
            return "recorded"
        return "soft" if self.charge.is_soft else "hard"

    def args(self) -> Iterator[str | int]:
        rate = self.rate
        yield self.kind
        yield int(self.charge.counts_withheld)
        yield from (rate.count, rate.window, _exact(grain_of(rate)))
        yield MOST_EXACT + 1 if grain_of(rate) else rate.count
        yield self.expiry


def grain_of(rate: Rate) -> float:
    """Return the seconds whose uses share an entry, or 0 if each use has its own."""
    return 0 if rate.count <= MOST_EXACT else rate.window / MOST_EXACT


def _limits(charges: Sequence[QuotaCharge]) -> Iterator[_Limit]:
    return (_Limit(charge, rate) for charge in charges for rate in charge.rates)


def _exact(number: float) -> str:
    return repr(float(number))


def _digest(texts: Sequence[str]) -> str:
    return blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()
