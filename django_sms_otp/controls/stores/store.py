"""Limits of IP addresses, prefixes, countries and the site in Redis or Valkey.

``LIMITS_CACHE`` chooses the store. The limits of a phone number stay in its row, which is the
lock of every change to the number. Like the rows, the store counts in grains of a window: a use
may count for one grain too long, but never leaves too early.

If the store fails, :class:`~django_sms_otp.exceptions.Unavailable` is raised and nothing is
sent. Otherwise an attacker who takes the store down would get a site without limits.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...conf import get_settings
from ...exceptions import InvalidSettings, Unavailable
from ...limits.rates import Rate
from ...limits.shared import GRAINS_IN_WINDOW, longest_memory
from ..quotas import QuotaCharge
from . import caches
from .scripts import GIVE_BACK, REFUND, TAKE

__all__ = ["MARGIN", "LimitStore", "Taken", "get_store"]

PREFIX = "{sms_otp}"
"""The braces keep all keys in one slot of a cluster. A script needs that."""

LIFE = GRAINS_IN_WINDOW + 1
"""Grains in which a use counts: its own, and those of a window."""

MARGIN = 60
"""Seconds that a key outlives its window. The clocks of server and application differ."""

TICKET_EXPIRY = 300
"""Seconds in which a use can be given back."""

REFUND_EXPIRY = 3600
"""Seconds in which a client does not send the same refund again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer of a store.

    :param waits: the controls of used-up limits, and when each is free again, in seconds since
        the epoch. Controls that only record are among them.
    :param reserved: the same for controls of which only the reserve is left.
    :param ticket: names the counted uses, to give them back.
    """

    waits: Mapping[str, float] = field(default_factory=dict)
    reserved: Mapping[str, float] = field(default_factory=dict)
    ticket: str = ""


def get_store() -> LimitStore | None:
    """Return the store of limits, or ``None`` if they are rows of the database.

    :raises InvalidSettings: ``LIMITS_CACHE`` names a cache that cannot hold limits.
    """
    alias = get_settings().LIMITS_CACHE
    return None if alias is None else LimitStore(alias)


class LimitStore:
    """Counts uses in a cache on Redis or Valkey.

    :raises InvalidSettings: the cache cannot hold limits.
    """

    def __init__(self, alias: str) -> None:
        # A system check reports it, too. But checks can be silenced.
        if problem := caches.problem_of(alias):
            raise InvalidSettings(f"SMS_OTP['LIMITS_CACHE']: {problem}")
        self._alias = alias

    def take(
        self,
        charges: Sequence[QuotaCharge],
        now: float,
        *,
        is_trusted: Callable[[], bool] = lambda: False,
    ) -> Taken:
        """Count one use of each limit in one atomic step.

        If a limit that refuses openly is used up, nothing is counted. If a soft limit is used
        up, only the limits that count withheld messages count the use.

        :param now: the application's time, in seconds since the epoch.
        :param is_trusted: whether the number may use what is reserved. It is asked if only the
            reserve is left.
        :raises Unavailable: the store did not answer.
        """
        ticket = secrets.token_hex(16)
        limits = [_as_json(charge, rate, now) for charge, rate in _limits(charges)]
        args = [TICKET_EXPIRY, LIFE, json.dumps(limits)]
        name = f"ticket:{ticket}"
        answer = self._run(TAKE, name, charges, [*args, "unknown"])
        if limits and not answer:
            answer = self._run(TAKE, name, charges, [*args, "yes" if is_trusted() else "no"])
        waits: dict[str, float] = {}
        reserved: dict[str, float] = {}
        for (charge, rate), grain in zip(_limits(charges), answer, strict=True):
            if grain:
                free_at = abs(grain) * rate.window / GRAINS_IN_WINDOW
                found = waits if grain > 0 else reserved
                found[charge.control] = max(free_at, found.get(charge.control, 0))
        return Taken(waits=waits, reserved=reserved, ticket=ticket)

    def waits(self, charges: Sequence[QuotaCharge], now: float) -> Mapping[str, float]:
        """Return the controls of used-up limits like :meth:`take`, and count nothing.

        :raises Unavailable: the store did not answer.
        """
        limits = [_as_json(charge, rate, now) for charge, rate in _limits(charges)]
        args = [TICKET_EXPIRY, LIFE, json.dumps(limits), "look"]
        answer = self._run(TAKE, "ticket:none", charges, args)
        return {
            charge.control: grain * rate.window / GRAINS_IN_WINDOW
            for (charge, rate), grain in zip(_limits(charges), answer, strict=True)
            if grain > 0
        }

    def give_back(self, taken: Taken, charges: Sequence[QuotaCharge]) -> None:
        """Undo what :meth:`take` counted in these limits.

        It is safe to repeat: each use is given back once, within ``TICKET_EXPIRY`` seconds.

        :raises Unavailable: the store did not answer.
        """
        self._run(GIVE_BACK, f"ticket:{taken.ticket}", charges, [])

    def refund(self, charges: Sequence[QuotaCharge], name: str, *, counted_at: float) -> None:
        """Give back a message that was counted at ``counted_at`` and not sent.

        :param name: the name of the message. It is given back once.
        :raises Unavailable: the store did not answer.
        """
        grains = [_grain(rate, counted_at) for _, rate in _limits(charges)]
        self._run(REFUND, f"refund:{name}", charges, [REFUND_EXPIRY, *grains])

    def _run(
        self,
        script: str,
        name: str,
        charges: Sequence[QuotaCharge],
        args: Sequence[object],
    ) -> Any:
        names = [f"limit:{charge.key}:{rate.window}" for charge, rate in _limits(charges)]
        keys = [caches.full_key(self._alias, f"{PREFIX}:{name}") for name in (name, *names)]
        try:
            return caches.raw_client(self._alias).register_script(script)(keys=keys, args=args)
        except caches.store_errors() as error:
            raise Unavailable(
                f"The cache {self._alias!r} did not answer: {type(error).__name__}."
            ) from error


def _limits(charges: Sequence[QuotaCharge]) -> list[tuple[QuotaCharge, Rate]]:
    """Return each rate of each charge. It has a key of its own in the store."""
    return [(charge, rate) for charge in charges for rate in charge.rates]


def _as_json(charge: QuotaCharge, rate: Rate, now: float) -> dict[str, Any]:
    refusal = "soft" if charge.is_soft else "hard"
    reserve_refusal = "soft" if charge.hides else "hard"
    return {
        "count": rate.count,
        "open": charge.open_count(rate),
        "grain": _grain(rate, now),
        "expiry": math.ceil(longest_memory(rate)) + MARGIN,
        "refusal": refusal if charge.enforced else "none",
        "reserve_refusal": reserve_refusal if charge.enforced else "none",
        "counts_withheld": charge.counts_withheld,
    }


def _grain(rate: Rate, at: float) -> int:
    return int(at * GRAINS_IN_WINDOW // rate.window)
