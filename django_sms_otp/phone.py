"""Phone numbers: text in, E.164 out. Pure: reads no setting, touches no database.

``phonenumbers`` is loaded when the first number is read: that takes as long as to load all of
the app, and most commands of a site read none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from .exceptions import InvalidPhoneNumber, NotSMSCapable, RegionNotSupported

if TYPE_CHECKING:
    import phonenumbers

__all__ = ["PhoneNumber", "mask", "parse_phone_number"]

MAX_TEXT_LENGTH = 40
"""E.164 has 15 digits (ITU-T E.164, 6.2.1); the rest is room for spaces and brackets."""

SATELLITE_REGION = "001"
"""What ``phonenumbers`` calls numbers of no country: satellite and international networks."""

REFUSED_TYPES = frozenset(
    {
        "PREMIUM_RATE",
        "SHARED_COST",
        "TOLL_FREE",
        "PAGER",
        "UAN",
        "VOICEMAIL",
        "PERSONAL_NUMBER",
    }
)
"""Types that cannot receive an SMS, or that pay their holder for each one (SMS pumping)."""

UNKNOWN = "UNKNOWN"
"""The type of what is no number that its country has given out."""

DEFAULT_REFUSED_TYPES = REFUSED_TYPES | {UNKNOWN}

PLAIN = re.compile(r"[\d+().,/~ -]*")
"""Digits of any script, and the punctuation that people write numbers with."""

HYPHENS = {0x2010: "-", 0x2011: "-", 0x2013: "-"}

NOT_A_NUMBER = _("This is not a phone number. Write it with its country code: +14155552671.")
NOT_SMS_CAPABLE = _("This kind of phone number cannot receive our SMS. Use a mobile number.")
REGION_NOT_SUPPORTED = _("We do not send SMS to phone numbers of this country or network.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """A valid phone number. Its ``str`` and ``repr`` are masked, so that it can be logged.

    :param e164: ``+`` and at most 15 digits.
    :param region: two letters (ISO 3166-1), or ``"001"`` for satellite networks. Numbers that
        share a dialling code have regions of their own: +1 876 is ``JM``.
    """

    e164: str = field(repr=False)
    region: str

    @property
    def type(self) -> int:
        """A value of :class:`phonenumbers.PhoneNumberType`."""
        import phonenumbers

        return phonenumbers.number_type(phonenumbers.parse(self.e164))

    @property
    def masked(self) -> str:
        return mask(self.e164)

    def __str__(self) -> str:
        return self.masked


def parse_phone_number(
    text: str,
    *,
    default_region: str | None = None,
    allowed_regions: Collection[str] | None = None,
    refused_types: Collection[str] = DEFAULT_REFUSED_TYPES,
) -> PhoneNumber:
    """Read ``text`` as a phone number that a code may be sent to.

    :param default_region: region of numbers written without ``+``; none: such are refused.
    :param allowed_regions: regions to accept; none: all but satellite networks.
    :param refused_types: names in :class:`phonenumbers.PhoneNumberType` to refuse.
    :raises InvalidPhoneNumber: no phone number, or one that its country does not have.
    :raises NotSMSCapable: a refused type.
    :raises RegionNotSupported: a region that is not allowed, or a satellite network.
    """
    number, number_type, is_possible = _read(text, default_region)
    if number_type == UNKNOWN and (UNKNOWN in refused_types or not is_possible):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    if number_type in refused_types:
        raise NotSMSCapable(NOT_SMS_CAPABLE, region=number.region)
    if not _is_allowed(number.region, allowed_regions):
        raise RegionNotSupported(REGION_NOT_SUPPORTED, region=number.region)
    return number


def mask(e164: str) -> str:
    """Hide all of a number but its country code and last two digits: ``+1********71``."""
    digits = e164.removeprefix("+")
    code_length = next(
        (n for n in (1, 2, 3) if _is_country_code(digits[:n])),
        0,
    )
    hidden = len(digits) - code_length - 2
    if hidden < 1:
        return "+" + "*" * len(digits)
    return f"+{digits[:code_length]}{'*' * hidden}{digits[-2:]}"


@lru_cache(maxsize=1024)
def _read(text: str, default_region: str | None) -> tuple[PhoneNumber, str, bool]:
    """Return a number, the name of its type, and whether its length is right.

    Whoever asks for a code comes back with the same number to redeem it, and who floods the
    endpoints, again and again: to read it takes a tenth of what a request does.
    """
    import phonenumbers

    number = _parse(text, default_region)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # UNKNOWN exactly where is_valid_number() is false; asking both costs twice.
    number_type = _type(number)
    is_possible = number_type != UNKNOWN or phonenumbers.is_possible_number(number)
    return PhoneNumber(e164=e164, region=_region(number)), number_type, is_possible


def _parse(text: str, default_region: str | None) -> phonenumbers.PhoneNumber:
    # The checks before phonenumbers bound its work, and refuse what it would quietly drop or
    # turn into digits: letters ("1-800-FLOWERS"), extensions, RFC 3966 parameters.
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    plain = unicodedata.normalize("NFKC", text).translate(HYPHENS)
    if not PLAIN.fullmatch(plain):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    import phonenumbers

    try:
        return phonenumbers.parse(plain, default_region)
    except phonenumbers.NumberParseException:
        raise InvalidPhoneNumber(NOT_A_NUMBER) from None


def _region(number: phonenumbers.PhoneNumber) -> str:
    import phonenumbers

    region = phonenumbers.region_code_for_number(number)
    # Of a number that nobody has been given, the main region of its country code.
    return region or phonenumbers.region_code_for_country_code(number.country_code or 0)


def _is_allowed(region: str, allowed_regions: Collection[str] | None) -> bool:
    if allowed_regions is None:
        return region != SATELLITE_REGION
    return region in allowed_regions


def _is_country_code(digits: str) -> bool:
    return digits in _country_codes()


@cache
def _country_codes() -> frozenset[str]:
    import phonenumbers

    return frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@cache
def _type_names() -> Mapping[int, str]:
    from phonenumbers import PhoneNumberType

    names = PhoneNumberType.__dict__.items()
    return {value: name for name, value in names if isinstance(value, int)}


def _type(number: phonenumbers.PhoneNumber) -> str:
    import phonenumbers

    return _type_names()[phonenumbers.number_type(number)]
