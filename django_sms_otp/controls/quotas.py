"""The limits that many numbers share: IP address, prefix, country and site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..conf import Settings
from ..limits.keys import COUNTRY, IP, PREFIX, SITE, LimitKey
from ..limits.rates import Rate
from ..phone import PhoneNumber
from .callers import Caller

__all__ = ["QuotaCharge", "charges_of", "shared_key"]

PREFIX_DROPS_DIGITS = 4
"""A prefix is a number without its last four digits. Ten thousand numbers share it."""

SHARED_CONTROLS = (IP, PREFIX, COUNTRY, SITE)

EXEMPTING = frozenset({"prefix", "budget", "breaker"})
"""The controls that let verified numbers pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaCharge:
    """One more message against one shared limit.

    :param key: the key of the row, or of the entry in the store.
    :param enforced: whether the limit refuses, or only records that it would.
    :param tells: whether the site openly answers which numbers have an account.
    """

    control: str
    key: LimitKey
    rates: tuple[Rate, ...]
    enforced: bool
    tells: bool = False

    @property
    def exempts(self) -> bool:
        """Whether verified numbers pass the limit and do not count."""
        return self.control in EXEMPTING

    @property
    def is_soft(self) -> bool:
        """Whether a refusal withholds the message behind a neutral answer."""
        return self.enforced and self.exempts and not self.tells

    @property
    def counts_withheld(self) -> bool:
        """Whether a withheld message counts, too.

        It does for the caller's own address: the caller cannot tell it from a sent message.
        """
        return self.control == IP


def charges_of(
    phone_number: PhoneNumber, caller: Caller, settings: Settings
) -> Iterator[QuotaCharge]:
    """Yield the shared limits that a message counts against, in the order of the controls."""
    for control in SHARED_CONTROLS:
        rates = settings.rates(control)
        key = shared_key(control, phone_number, caller)
        if rates and key:
            yield QuotaCharge(
                control=control,
                key=key,
                rates=rates,
                enforced=settings.mode(control) == "enforce",
                tells=settings.UNKNOWN_NUMBERS == "reject",
            )


def shared_key(control: str, phone_number: PhoneNumber, caller: Caller) -> LimitKey | None:
    """Return the key of a shared row, or ``None`` if the caller's address is unknown."""
    match control:
        case "ip":
            return LimitKey(IP, caller.network) if caller.network else None
        case "prefix":
            return LimitKey(PREFIX, phone_number.e164[:-PREFIX_DROPS_DIGITS])
        case "country":
            return LimitKey(COUNTRY, phone_number.region)
        case _:
            return LimitKey(SITE)
