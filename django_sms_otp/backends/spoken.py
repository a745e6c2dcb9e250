"""The words of a call: the code, digit by digit, in the person's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings as django_settings
from django.utils import translation
from django.utils.translation import gettext

from ..conf import Settings

__all__ = ["REPETITIONS", "Speech", "compose_speech"]

SENTENCE = Settings().MESSAGE
"""The default of the setting, because that has translations. A site's own text may be long."""

REPETITIONS = 3
"""How often a call says the code: a person looks for a pen, writes, and checks."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The words that a call repeats.

    :param voice: the gateway's name for the voice or the language.
    :param words: each is followed by a pause.
    """

    voice: str
    words: tuple[str, ...] = field(repr=False)


def compose_speech(code: str, language: str, voices: Mapping[str, str]) -> Speech:
    """Return the words for a code, and the voice that says them.

    Both are English if the gateway has no voice for the language, or if there is no
    translation: nobody understands a voice that reads out another language.

    :param language: as Django names it. Empty: ``LANGUAGE_CODE``.
    :param voices: the gateway's voices, by language. ``"en"`` is one of them.
    """
    voice, sentence = _pick(language or django_settings.LANGUAGE_CODE, voices)
    before, _, after = sentence.partition("{code}")
    words = (before.strip(), *code, after.strip(" ."))
    return Speech(voice, tuple(filter(None, words)))


def _pick(language: str, voices: Mapping[str, str]) -> tuple[str, str]:
    name = language.lower().replace("_", "-")
    voice = voices.get(name) or voices.get(_base(name))
    if voice and (_base(name) == "en" or _is_translated(language)):
        return voice, _translate(language)
    return voices["en"], _translate("en")


def _is_translated(language: str) -> bool:
    """Tell whether the sentence has a translation. If it has none, Django gives that of
    ``LANGUAGE_CODE``, or the original."""
    sentence, site_language = _translate(language), django_settings.LANGUAGE_CODE
    if sentence == _translate("en"):
        return False
    return _base(language) == _base(site_language) or sentence != _translate(site_language)


def _translate(language: str) -> str:
    with translation.override(language):
        return gettext(SENTENCE)


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()
