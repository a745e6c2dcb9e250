"""The countries that a person chooses from, by their names in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import phonenumbers
from django.utils.translation import get_language

from ..conf import get_settings
from ..phone import SATELLITE_REGION, SUPPORTED_REGIONS
from ..phone.countries import country_names, sort_key

__all__ = ["countries", "preset_region"]

FLAG_OF_A = 0x1F1E6
"""REGIONAL INDICATOR SYMBOL LETTER A: two such letters show as the flag of a region."""

LONGEST_HEADER = 1000


def countries() -> Sequence[tuple[str, str]]:
    """Return the regions that the site sends to, each with its text, sorted by it."""
    allowed = get_settings().ALLOWED_REGIONS
    regions = SUPPORTED_REGIONS if allowed is None else frozenset(allowed)
    return _countries(regions - {SATELLITE_REGION}, get_language() or "en")


def preset_region(accept_language: str) -> str:
    """Return the region to begin with; empty if there is no sign of any.

    It is ``DEFAULT_REGION``, and else the first region that the browser names with a language:
    ``de-AT``. A language alone names none: Arabic is ``ar``, and Argentina is ``AR``.
    """
    offered = {region for region, _ in countries()}
    default = get_settings().DEFAULT_REGION
    if default in offered:
        return str(default)
    for each in accept_language[:LONGEST_HEADER].split(","):
        region = each.partition(";")[0].strip().rpartition("-")[2].upper()
        if "-" in each and region in offered:
            return region
    return next(iter(offered)) if len(offered) == 1 else ""


@lru_cache(maxsize=128)
def _countries(regions: frozenset[str], language: str) -> Sequence[tuple[str, str]]:
    names = country_names(language)
    ordered = sorted(regions, key=lambda region: sort_key(names[region]))
    return [(region, _text(region, names[region])) for region in ordered]


def _text(region: str, name: str) -> str:
    """Return ``Germany (+49)`` with its flag. The name is first: who types a letter gets the
    next country that begins with it."""
    flag = "".join(chr(FLAG_OF_A + ord(letter) - ord("A")) for letter in region)
    # The marks keep the plus before the digits where the text runs from right to left.
    code = f"\u2066+{phonenumbers.country_code_for_region(region)}\u2069"
    return f"{name} ({code}) {flag}"
