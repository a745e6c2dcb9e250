"""Phone numbers: text in, E.164 out. Pure: reads no setting, touches no database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers
from django.utils.translation import gettext_lazy as _

from .exceptions import InvalidPhoneNumber, NotSMSCapable, RegionNotSupported

__all__ = ["SUPPORTED_REGIONS", "PhoneNumber", "mask", "parse_phone_number"]

MAX_TEXT_LENGTH = 40
"""E.164 has 15 digits (ITU-T E.164, 6.2.1); the rest is room for spaces and brackets."""

SATELLITE_REGION = "001"
"""The region that ``phonenumbers`` gives to satellite and international networks."""

SUPPORTED_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS) | {SATELLITE_REGION}
"""All regions that numbers have: two letters (ISO 3166-1), and ``"001"``."""

COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))

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
"""These types cannot receive an SMS, or pay their holder for each one (SMS pumping)."""

UNKNOWN = "UNKNOWN"
"""The type of a number that its country has not assigned."""

DEFAULT_REFUSED_TYPES = REFUSED_TYPES | {UNKNOWN}

PLAIN = re.compile(r"[\d+().,/~ -]*")
"""Digits of any script, and the usual punctuation of phone numbers."""

HYPHENS = {0x2010: "-", 0x2011: "-", 0x2013: "-"}

NOT_A_NUMBER = _("This is not a phone number. Write it with its country code: +14155552671.")
NOT_SMS_CAPABLE = _("This kind of phone number cannot receive our SMS. Use a mobile number.")
REGION_NOT_SUPPORTED = _("We do not send SMS to phone numbers of this country or network.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """A valid phone number. Its ``str`` and ``repr`` are masked, so logging it is safe.

    :param e164: ``+`` and at most 15 digits.
    :param region: two letters (ISO 3166-1), or ``"001"`` for satellite networks. Numbers that
        share a dialling code have regions of their own: +1 876 is ``JM``.
    """

    e164: str = field(repr=False)
    region: str

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

    :param default_region: region of a number without ``+``; ``None`` refuses such a number.
    :param allowed_regions: regions to accept; ``None`` accepts all but satellite networks.
    :param refused_types: names in :class:`phonenumbers.PhoneNumberType` to refuse.
    :raises InvalidPhoneNumber: ``text`` is no phone number, or its country has no such number.
    :raises NotSMSCapable: the type is refused.
    :raises RegionNotSupported: the region is not allowed.
    """
    number, number_type, is_possible = _read(text, default_region)
    is_refused = number_type in refused_types
    if number_type == UNKNOWN and (is_refused or not is_possible):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    if is_refused:
        raise NotSMSCapable(NOT_SMS_CAPABLE, region=number.region)
    is_allowed = (
        number.region != SATELLITE_REGION
        if allowed_regions is None
        else number.region in allowed_regions
    )
    if not is_allowed:
        raise RegionNotSupported(REGION_NOT_SUPPORTED, region=number.region)
    return number


@lru_cache(maxsize=1024)
def _read(text: str, default_region: str | None) -> tuple[PhoneNumber, str, bool]:
    """Return a number, the name of its type, and whether its length is right.

    Cached: a login reads the same number twice or more, and each time takes a tenth of a
    request.
    """
    parsed = _parse(text, default_region)
    # An unassigned number gets the main region of its country code.
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    # UNKNOWN means the same as "not is_valid_number()", which would cost as much again.
    number_type = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed))
    is_possible = number_type != UNKNOWN or phonenumbers.is_possible_number(parsed)
    return PhoneNumber(e164=e164, region=region), number_type, is_possible


def mask(e164: str) -> str:
    """Hide all of a number but its country code and last two digits: ``+1********71``."""
    digits = e164.removeprefix("+")
    code_length = next((n for n in (1, 2, 3) if digits[:n] in COUNTRY_CODES), 0)
    hidden = len(digits) - code_length - 2
    if hidden < 1:
        return "+" + "*" * len(digits)
    return f"+{digits[:code_length]}{'*' * hidden}{digits[-2:]}"


def _parse(text: str, default_region: str | None) -> phonenumbers.PhoneNumber:
    # These checks bound the work of phonenumbers. They also refuse what it would silently drop
    # or convert: letters ("1-800-FLOWERS"), extensions and RFC 3966 parameters.
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    plain = unicodedata.normalize("NFKC", text).translate(HYPHENS)
    if not PLAIN.fullmatch(plain):
        raise InvalidPhoneNumber(NOT_A_NUMBER)
    try:
        return phonenumbers.parse(plain, default_region)
    except phonenumbers.NumberParseException:
        raise InvalidPhoneNumber(NOT_A_NUMBER) from None
