"""A phone number, and how it is shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import phonenumbers

from ..masked import MaskedText

__all__ = ["E164", "SUPPORTED_REGIONS", "PhoneNumber", "WithE164", "mask", "mask_prefix"]

SATELLITE_REGION = "001"
"""The region that ``phonenumbers`` gives to satellite and international networks."""

if not hasattr(phonenumbers, "SUPPORTED_REGIONS"):
    raise ImportError(
        "The package phonenumbers has lost its files: phonenumberslite, which shares them, was "
        "uninstalled. Run: pip install --force-reinstall phonenumbers"
    )

SUPPORTED_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS) | {SATELLITE_REGION}
"""All regions that numbers have: two letters (ISO 3166-1), and ``"001"``."""

COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


class E164(MaskedText):
    """A number's text: ``+`` and at most 15 digits. Its ``repr`` is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(mask(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """A valid phone number. Its ``str`` and ``repr`` are masked, so logging it is safe.

    :param e164: ``+`` and at most 15 digits.
    :param region: two letters (ISO 3166-1), or ``"001"`` for satellite networks. Numbers that
        share a dialling code have regions of their own: +1 876 is ``JM``.
    """

    e164: str = field(repr=False)
    region: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "e164", E164(self.e164))

    @property
    def masked(self) -> str:
        return mask(self.e164)

    def __str__(self) -> str:
        return self.masked


class WithE164(Protocol):
    """A phone number of another package, such as django-phonenumber-field."""

    @property
    def as_e164(self) -> str: ...


def mask(e164: str) -> str:
    """Hide all of a number but its country code and last two digits: ``+1********71``."""
    digits = e164.removeprefix("+")
    code_length = _country_code_length(digits)
    hidden = len(digits) - code_length - 2
    if hidden < 1:
        return "+" + "*" * len(digits)
    return f"+{digits[:code_length]}{'*' * hidden}{digits[-2:]}"


def mask_prefix(prefix: str) -> str:
    """Hide all of a prefix but its country code: ``+1******``.

    Beside a masked number of the same country, the prefix would complete the number.
    """
    digits = prefix.removeprefix("+")
    code_length = _country_code_length(digits)
    return f"+{digits[:code_length]}{'*' * (len(digits) - code_length)}"


def _country_code_length(digits: str) -> int:
    return next((n for n in (1, 2, 3) if digits[:n] in COUNTRY_CODES), 0)
