"""The names of the countries in the reader's language.

They are in ``names/``, a file for each language, and are those of the Unicode CLDR. The package
phonenumbers has such names, too, but they take 190 MB of memory.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

__all__ = ["NAMES", "country_names", "sort_key"]

NAMES = Path(__file__).parent / "names"


@lru_cache(maxsize=32)
def country_names(language: str) -> Mapping[str, str]:
    """Return the names by region, in a language; in English if there is no file for it."""
    general = language.partition("-")[0]
    known = {path.stem for path in NAMES.glob("*.json")}
    found = next(each for each in (language, general, "en") if each in known | {"en"})
    names: dict[str, str] = json.loads((NAMES / f"{found}.json").read_text(encoding="utf-8"))
    return names


def sort_key(name: str) -> str:
    """Sort letters with accents beside those without: Austria is not behind Zypern."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(each for each in letters if not unicodedata.combining(each)).casefold()
