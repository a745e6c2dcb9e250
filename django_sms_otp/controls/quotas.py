"""The limits that many numbers share: IP address, prefix, country and site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..conf import Settings
from ..limits.addresses import IPV6_PREFIX, wider_network
from ..limits.keys import COUNTRY, IP, LOOKUP, PREFIX, SITE, LimitKey
from ..limits.rates import Rate
from ..phone import PhoneNumber
from .callers import Caller

__all__ = [
    "NETWORK_CONTROLS",
    "SHARED_CONTROLS",
    "QuotaCharge",
    "charges_of",
    "control_of",
    "lookup_charge",
    "shared_key",
]

PREFIX_DROPS_DIGITS = 4
"""A prefix is a number without its last four digits. Ten thousand numbers share it."""

NETWORK_CONTROLS = {"ip": IPV6_PREFIX, "ip_56": 56, "ip_48": 48}
"""The limits by address, and the bits of the IPv6 network that shares each. A home has a /56 or
a /48 (RFC 6177): 256 or 65,536 times a /64."""

SHARED_CONTROLS = (*NETWORK_CONTROLS, PREFIX, COUNTRY, SITE)

CAPS = frozenset({COUNTRY, SITE})
"""The limits of which a share is reserved."""

EXEMPTING = frozenset({"prefix", "budget", "breaker"})
"""The controls that let verified numbers pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaCharge:
    """One more message against one shared limit.

    :param key: the key of the row, or of the entry in the store.
    :param enforced: whether the limit refuses, or only records that it would.
    :param tells: whether the site openly answers which numbers have an account.
    :param reserved: the share that only verified numbers may use. Otherwise an attacker who
        uses up a cap would lock every customer out.
    """

    control: str
    key: LimitKey
    rates: tuple[Rate, ...]
    enforced: bool
    tells: bool = False
    reserved: float = 0

    @property
    def open_rates(self) -> tuple[Rate, ...]:
        """The rates without the reserve."""
        return tuple(replace(rate, count=self.open_count(rate)) for rate in self.rates)

    def open_count(self, rate: Rate) -> int:
        """Return the most uses of a rate without the reserve."""
        return max(1, rate.count - int(rate.count * self.reserved))

    @property
    def exempts(self) -> bool:
        """Whether verified numbers pass the limit and do not count."""
        return self.control in EXEMPTING

    @property
    def is_soft(self) -> bool:
        """Whether a refusal withholds the message behind a neutral answer."""
        return self.exempts and self.hides

    @property
    def hides(self) -> bool:
        """Whether an open refusal of the unverified numbers alone would tell who they are."""
        return self.enforced and not self.tells

    @property
    def is_by_address(self) -> bool:
        """Whether the limit is that of the caller's address or of a network around it."""
        return self.control in NETWORK_CONTROLS

    @property
    def counts_withheld(self) -> bool:
        """Whether a withheld message counts, too.

        It does for the caller's own address: the caller cannot tell it from a sent message.
        """
        return self.is_by_address


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
                reserved=settings.RESERVED_SHARE if control in CAPS else 0,
            )


def lookup_charge(settings: Settings) -> QuotaCharge | None:
    """Return the charge of a look-up that costs money; ``None`` if the site has no cap.

    Look-ups have the rates of ``site``, and are counted apart from messages. The cap holds in
    every mode: to record costs as much.
    """
    rates = settings.rates(SITE)
    if not rates:
        return None
    return QuotaCharge(control=LOOKUP, key=LimitKey(LOOKUP), rates=rates, enforced=True)


def shared_key(control: str, phone_number: PhoneNumber, caller: Caller) -> LimitKey | None:
    """Return the key of a shared row, or ``None`` if the caller has no such network."""
    match control:
        case "ip":
            return LimitKey(IP, caller.network) if caller.network else None
        case "ip_56" | "ip_48":
            prefix = NETWORK_CONTROLS[control]
            network = wider_network(caller.network, prefix) if caller.network else ""
            return LimitKey(IP, network) if network else None
        case "prefix":
            return LimitKey(PREFIX, phone_number.e164[:-PREFIX_DROPS_DIGITS])
        case "country":
            return LimitKey(COUNTRY, phone_number.region)
        case _:
            return LimitKey(SITE)


def control_of(key: LimitKey) -> str:
    """Return the name of the limit whose rates a shared row counts against."""
    if key.kind == LOOKUP:
        return SITE
    bits = key.subject.partition("/")[2]
    wider = (name for name, prefix in NETWORK_CONTROLS.items() if str(prefix) == bits)
    return next(wider, IP) if key.kind == IP else key.kind
