"""The countries that a person chooses from, by their names in the reader's language.

The names are in ``names/``, a file for each language, and are those of the Unicode CLDR. The
package phonenumbers has such names, too, but they take 190 MB of memory.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import phonenumbers
from django.utils.translation import get_language

from ..conf import get_settings
from ..phone import SATELLITE_REGION, SUPPORTED_REGIONS

__all__ = ["countries", "preset_region"]

NAMES = Path(__file__).parent / "names"

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
    names = _names(language)
    ordered = sorted(regions, key=lambda region: _sort_key(names[region]))
    return [(region, _text(region, names[region])) for region in ordered]


def _text(region: str, name: str) -> str:
    """Return ``Germany (+49)`` with its flag. The name is first: who types a letter gets the
    next country that begins with it."""
    flag = "".join(chr(FLAG_OF_A + ord(letter) - ord("A")) for letter in region)
    # The marks keep the plus before the digits where the text runs from right to left.
    code = f"\u2066+{phonenumbers.country_code_for_region(region)}\u2069"
    return f"{name} ({code}) {flag}"


def _sort_key(name: str) -> str:
    """Sort letters with accents beside those without: Austria is not behind Zypern."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(each for each in letters if not unicodedata.combining(each)).casefold()


@lru_cache(maxsize=32)
def _names(language: str) -> Mapping[str, str]:
    """Return the names in a language; in English if there is no file for it."""
    general = language.partition("-")[0]
    known = {path.stem for path in NAMES.glob("*.json")}
    found = next(each for each in (language, general, "en") if each in known | {"en"})
    names: dict[str, str] = json.loads((NAMES / f"{found}.json").read_text(encoding="utf-8"))
    return names
