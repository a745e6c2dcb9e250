"""Phone numbers: text in, E.164 out. Pure: reads no setting, touches no database."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

import phonenumbers
from django.utils.translation import gettext_lazy as _
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from .exceptions import InvalidPhoneNumber, NotSMSCapable, RegionNotSupported

__all__ = ["PhoneNumber", "mask", "parse_phone_number"]

MAX_TEXT_LENGTH = 40
"""E.164 has 15 digits (ITU-T E.164, 6.2.1); the rest is room for spaces and brackets."""

SATELLITE_REGION = "001"
"""What ``phonenumbers`` calls numbers of no country: satellite and international networks."""

REFUSED_TYPES = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)
"""Types that cannot receive an SMS, or that pay their holder for each one (SMS pumping)."""

DEFAULT_REFUSED_TYPES = REFUSED_TYPES | {PhoneNumberType.UNKNOWN}
"""``UNKNOWN`` is what is no number that its country has given out."""

PUNCTUATION = frozenset("+-().,/~ ")

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
    refused_types: Collection[int] = DEFAULT_REFUSED_TYPES,
) -> PhoneNumber:
    """Read ``text`` as a phone number that a code may be sent to.

    :param default_region: region of numbers written without ``+``; none: such are refused.
    :param allowed_regions: regions to accept; none: all but satellite networks.
    :param refused_types: values of :class:`phonenumbers.PhoneNumberType` to refuse.
    :raises InvalidPhoneNumber: no phone number, or one that its country does not have.
    :raises NotSMSCapable: a refused type.
    :raises RegionNotSupported: a region that is not allowed, or a satellite network.
    """
    number = _parse(text, default_region)
    number_type = phonenumbers.number_type(number)
    # number_type is UNKNOWN exactly where is_valid_number is false; asking both costs twice.
    if number_type == PhoneNumberType.UNKNOWN and (
        number_type in refused_types or not phonenumbers.is_possible_number(number)
    ):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    region = _region(number)
    if number_type in refused_types:
        raise NotSMSCapable(NOT_SMS_CAPABLE, region=region)
    if not _is_allowed(region, allowed_regions):
        raise RegionNotSupported(REGION_NOT_SUPPORTED, region=region)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return PhoneNumber(e164=e164, region=region)


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


def _parse(text: str, default_region: str | None) -> phonenumbers.PhoneNumber:
    # The checks before phonenumbers bound its work, and refuse what it would quietly drop or
    # turn into digits: letters ("1-800-FLOWERS"), extensions, RFC 3966 parameters.
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    plain = unicodedata.normalize("NFKC", text).translate(
        {0x2010: "-", 0x2011: "-", 0x2013: "-"}
    )
    if not all(char.isdecimal() or char in PUNCTUATION for char in plain):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    try:
        return phonenumbers.parse(plain, default_region)
    except NumberParseException:
        raise InvalidPhoneNumber(NOT_A_NUMBER) from None


def _region(number: phonenumbers.PhoneNumber) -> str:
    region = phonenumbers.region_code_for_number(number)
    # Of a number that nobody has been given, the main region of its country code.
    return region or phonenumbers.region_code_for_country_code(number.country_code or 0)


def _is_allowed(region: str, allowed_regions: Collection[str] | None) -> bool:
    if allowed_regions is None:
        return region != SATELLITE_REGION
    return region in allowed_regions


def _is_country_code(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and int(digits) in _COUNTRY_CODES


_COUNTRY_CODES = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
