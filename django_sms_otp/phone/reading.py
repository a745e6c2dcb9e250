"""Reads what people type or paste as a phone number. Pure: reads no setting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

import phonenumbers

from ..exceptions import InvalidPhoneNumber, NotSMSCapable, RegionNotSupported
from ..masked import MaskedText
from .fictitious import is_fictitious
from .number import SATELLITE_REGION, SUPPORTED_REGIONS, PhoneNumber, WithE164
from .typed_text import without_marks

__all__ = [
    "DEFAULT_REFUSED_TYPES",
    "REFUSED_TYPES",
    "UNKNOWN",
    "parse_phone_number",
    "read_any",
]

MAX_TEXT_LENGTH = 40
"""E.164 has 15 digits (ITU-T E.164, 6.2.1); the rest is room for spaces and brackets."""

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

DASHES = {ord(each): "-" for each in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}

URI = re.compile(r"\Atel:", re.IGNORECASE)
"""RFC 3966. A link is pasted with it. Its parameters (``;ext=``) are refused."""

SPREADSHEET_FRACTION = re.compile(r"\d{5}[.,]0+\Z")
"""The end of a number that a program kept as a fraction: ``1512345678.0``. The point is
punctuation in a phone number, so the zero would make it another person's."""

TRUNK_ZERO = re.compile(r"(?<=\d)[ -]*\(0\)")
"""The zero of ``+39 (0) 333 1234567``: callers from abroad leave it out."""

SAME_LINES = [
    # Calls from abroad to a mobile number put a 9 before its area code, and many people leave
    # it out. Fixed and mobile numbers share no digits. Gateways want the 9.
    (re.compile(r"\+54(\d{10})"), r"+549\1"),
    # Mexico gave up the prefixes of mobile numbers in 2019; WhatsApp still shows the 1.
    (re.compile(r"\+52(?:1|01|044|045)(\d{10})"), r"+52\1"),
    # Palestinian operators are reached by both country codes. +970 is the one of ITU-T E.164.
    (re.compile(r"\+972(5[69]\d{7})"), r"+970\1"),
    # San Marino is reached by its own country code and by an Italian area code.
    (re.compile(r"\+390549(\d{6,7})"), r"+3780549\1"),
]
"""Countries where one line has several texts in E.164, and the text that it is known by.

It is the text that gateways take. A rule holds only if the result is a valid number, so an
Argentine toll-free number stays as it is. Renumberings are not here: Brazil's ninth digit and
Benin's 01 made new numbers, and the old ones are no numbers any more.
"""


def parse_phone_number(
    text: str | PhoneNumber | WithE164,
    *,
    default_region: str | None = None,
    allowed_regions: Collection[str] | None = None,
    refused_types: Collection[str] = DEFAULT_REFUSED_TYPES,
    takes_fictitious: bool = False,
) -> PhoneNumber:
    """Read ``text`` as a phone number that a code may be sent to.

    :param text: as typed; or a number object, of which only the E.164 text is read. Its ``str``
        is for people, and may be masked or lack the country code.
    :param default_region: region of a number without ``+``; ``None`` refuses such a number.
    :param allowed_regions: regions to accept; ``None`` accepts all but satellite networks.
    :param refused_types: names in :class:`phonenumbers.PhoneNumberType` to refuse.
    :param takes_fictitious: whether to take numbers that no country will ever assign, because
        they are reserved for fiction.
    :raises InvalidPhoneNumber: ``text`` is no phone number, or its country has no such number.
    :raises NotSMSCapable: the type is refused.
    :raises RegionNotSupported: the region is not allowed.
    :raises TypeError: ``text`` is neither.
    """
    number, number_type, is_possible = _read(MaskedText(_plain(_written(text))), default_region)
    is_refused = number_type in refused_types
    if number_type == UNKNOWN:
        is_taken = takes_fictitious and is_fictitious(number.e164)
        if (is_refused or not is_possible) and not is_taken:
            raise InvalidPhoneNumber
    elif is_refused:
        raise NotSMSCapable(region=number.region)
    is_allowed = (
        number.region != SATELLITE_REGION
        if allowed_regions is None
        else number.region in allowed_regions
    )
    if not is_allowed:
        raise RegionNotSupported(region=number.region)
    return number


def read_any(
    text: str | PhoneNumber | WithE164, *, default_region: str | None = None
) -> PhoneNumber:
    """Read a number whatever its region and type: one that is stored, or searched for.

    :raises InvalidPhoneNumber: ``text`` is no phone number, or its country has no such number.
    """
    return parse_phone_number(
        text,
        default_region=default_region,
        allowed_regions=SUPPORTED_REGIONS,
        refused_types=(),
        takes_fictitious=True,
    )


@lru_cache(maxsize=1024)
def _read(plain: str, default_region: str | None) -> tuple[PhoneNumber, str, bool]:
    """Return a number, the name of its type, and whether its length is right.

    Cached: a login reads the same number twice or more, and each time takes a tenth of a
    request.
    """
    parsed = _same_line(_parse(plain, default_region))
    # An unassigned number gets the main region of its country code.
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    # UNKNOWN means the same as "not is_valid_number()", which would cost as much again.
    number_type = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed))
    is_possible = number_type != UNKNOWN or phonenumbers.is_possible_number(parsed)
    return PhoneNumber(e164=_e164(parsed), region=region), number_type, is_possible


def _same_line(parsed: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """Return the number that the line is known by: see ``SAME_LINES``."""
    e164 = _e164(parsed)
    for pattern, replacement in SAME_LINES:
        if match := pattern.fullmatch(e164):
            other = phonenumbers.parse(match.expand(replacement))
            if phonenumbers.is_valid_number(other):
                return other
    return parsed


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _written(text: str | PhoneNumber | WithE164) -> str:
    """Return the text of a number. A default region never applies to a number object."""
    if isinstance(text, str):
        return text
    e164 = text.e164 if isinstance(text, PhoneNumber) else getattr(text, "as_e164", None)
    if not isinstance(e164, str):
        name = type(text).__name__
        raise TypeError(f"Pass a phone number as a str such as '+14155552671', not {name}.")
    if not e164.startswith("+"):
        raise InvalidPhoneNumber
    return e164


def _plain(text: str) -> str:
    # These checks bound the work of phonenumbers. They also refuse what it would silently drop
    # or convert: letters ("1-800-FLOWERS"), extensions and RFC 3966 parameters.
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidPhoneNumber
    visible = without_marks(text).strip()
    plain = URI.sub("", unicodedata.normalize("NFKC", visible).translate(DASHES), count=1)
    if not PLAIN.fullmatch(plain) or SPREADSHEET_FRACTION.search(plain):
        raise InvalidPhoneNumber
    return plain


def _parse(plain: str, default_region: str | None) -> phonenumbers.PhoneNumber:
    try:
        parsed = phonenumbers.parse(plain, default_region)
        without_zero = TRUNK_ZERO.sub("", plain)
        # Some numbers begin with a zero of their own, such as Ivorian ones.
        if without_zero == plain or phonenumbers.is_valid_number(parsed):
            return parsed
        return phonenumbers.parse(without_zero, default_region)
    except phonenumbers.NumberParseException:
        raise InvalidPhoneNumber from None
