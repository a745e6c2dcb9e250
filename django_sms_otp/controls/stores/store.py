"""Limits of IP addresses, prefixes, countries and the site in Redis or Valkey.

Chosen by ``LIMITS_CACHE``. Never a phone number's: its row is the lock of all that changes for
the number. The windows slide as those in the database do, to the same figures.

An error of the store is :class:`~django_sms_otp.exceptions.Unavailable`, and nothing is sent:
whoever can take the store down must not get a site without limits.
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
"""The braces keep all keys in one slot of a cluster, as a script demands."""

MOST_EXACT = 60
"""Up to as many uses, the store keeps each time; beyond, they share as many grains of the
window."""

MARGIN = 60
"""Seconds that a key outlives its window: the server's clock is not the application's."""

RECEIPT_EXPIRY = 300
"""Seconds in which a use can be given back; later it stays counted."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a store answered.

    :param waits: by control, when a limit that was over is free again, in seconds since the
        epoch. Those that only record are among them.
    :param counted: ``False``: an enforced limit was over that refuses openly, and nothing was
        counted. ``True`` also where a soft one was over, and the rest was counted.
    """

    waits: Mapping[str, float]
    counted: bool


def store_in(alias: str) -> LimitStore:
    """Return the limits in a cache.

    :raises InvalidSettings: it cannot hold limits.
    """
    # A check says so too, but checks can be silenced, and this would fail open.
    if problem := caches.problem_of(alias):
        raise InvalidSettings(f"SMS_OTP['LIMITS_CACHE']: {problem}")
    return LimitStore(alias)


class LimitStore:
    """Counts uses in a cache of Django's that is Redis or Valkey."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def take(self, charges: Sequence[QuotaCharge], now: float) -> Taken:
        """Count one more of each use at ``now``, or none of them, in one atomic step.

        Each use has a key of its own. Where an enforced limit is over, nothing is counted; but
        where it is a soft one, what counts withheld messages is.

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
        """Undo one earlier :meth:`take` with the same arguments; what it did not count stays.

        Safe to repeat: each take is undone once. Possible for ``RECEIPT_EXPIRY`` seconds.

        :raises Unavailable: the store did not answer.
        """
        if limits := list(_limits(charges)):
            self._run(GIVE_BACK, limits, now, [limit.expiry for limit in limits])

    def _run(
        self, script: str, limits: Sequence[_Limit], now: float, args: Sequence[str | int]
    ) -> Any:
        keys = [self._key(f"limit:{limit.key}") for limit in limits]
        # Of this take alone: what it counted, and under which times.
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
    """A use in one window."""

    charge: QuotaCharge
    rate: Rate

    @property
    def key(self) -> str:
        return f"{self.charge.key}:{self.rate.window}"

    @property
    def expiry(self) -> int:
        return math.ceil(self.rate.window + grain_of(self.rate)) + MARGIN

    def args(self) -> Iterator[str | int]:
        rate = self.rate
        yield (
            "recorded"
            if not self.charge.enforced
            else "soft"
            if self.charge.is_soft
            else "hard"
        )
        yield int(self.charge.counts_withheld)
        yield from (rate.count, rate.window, _exact(grain_of(rate)))
        yield MOST_EXACT + 1 if grain_of(rate) else rate.count
        yield self.expiry


def grain_of(rate: Rate) -> float:
    """Return the seconds whose uses share an entry; 0: each has its own."""
    return 0 if rate.count <= MOST_EXACT else rate.window / MOST_EXACT


def _limits(charges: Sequence[QuotaCharge]) -> Iterator[_Limit]:
    return (_Limit(charge, rate) for charge in charges for rate in charge.rates)


def _exact(number: float) -> str:
    return repr(float(number))


def _digest(texts: Sequence[str]) -> str:
    return blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()
