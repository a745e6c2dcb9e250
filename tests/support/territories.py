"""Writes the names of the countries: ``python -m tests.support.territories``.

They are those of the Unicode CLDR, as Babel has them. Babel comes with the group ``docs``.
"""

from __future__ import annotations

import json
from pathlib import Path

import django_sms_otp
from django_sms_otp.phone import SATELLITE_REGION, SUPPORTED_REGIONS

LANGUAGES = {
    "ar": "ar", "bn": "bn", "de": "de", "en": "en", "es": "es", "fa": "fa", "fr": "fr",
    "hi": "hi", "id": "id", "it": "it", "ja": "ja", "ko": "ko", "nl": "nl", "pl": "pl",
    "pt": "pt", "ru": "ru", "th": "th", "tr": "tr", "uk": "uk", "vi": "vi",
    "zh": "zh_Hans", "zh-hant": "zh_Hant",
}  # fmt: skip
"""Django's name of a language, and that of the CLDR."""


def write(folder: Path) -> None:
    from babel import Locale

    for language, name in LANGUAGES.items():
        territories = Locale.parse(name).territories
        regions = sorted(SUPPORTED_REGIONS - {SATELLITE_REGION})
        names = {region: territories[region] for region in regions}
        text = json.dumps(names, ensure_ascii=False, indent=0)
        (folder / f"{language}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(django_sms_otp.__file__).parent / "phone" / "names")
