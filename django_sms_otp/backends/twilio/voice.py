"""What Twilio's Calls resource is told: who calls whom, and what is said.

https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_variables

from ...exceptions import InvalidBackend, NotDelivered
from ..base import SMSMessage
from .messages import is_number

__all__ = ["Calls"]

SENTENCE = "Your code is {code}"
"""The words that :data:`.conf.Settings.MESSAGE` has by default, so that they are translated."""

ENGLISH = "en-US"

# https://www.twilio.com/docs/voice/twiml/say, by Django's names of languages.
SAY_LANGUAGES = {
    "ca": "ca-ES",
    "da": "da-DK",
    "de": "de-DE",
    "en": ENGLISH,
    "en-au": "en-AU",
    "en-ca": "en-CA",
    "en-gb": "en-GB",
    "en-in": "en-IN",
    "es": "es-ES",
    "es-mx": "es-MX",
    "fi": "fi-FI",
    "fr": "fr-FR",
    "fr-ca": "fr-CA",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "no": "nb-NO",
    "pl": "pl-PL",
    "pt": "pt-PT",
    "pt-br": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "zh": "zh-CN",
    "zh-hans": "zh-CN",
    "zh-hant": "zh-TW",
    "zh-hk": "zh-HK",
    "zh-tw": "zh-TW",
}

TIMES = 3
"""How often the code is said: a person looks for a pen, and writes it down, and checks."""

LONGEST_CALL = 120
"""Seconds. Ten digits, three times, take about ninety."""

LONGEST_RING = 600
"""Seconds that Twilio lets a phone ring at most."""


class Calls:
    """Calls that say the code, digit by digit.

    Whoever answers hears it, an answering machine too. Nothing that is handed over with the
    call can tell a machine from a person: Twilio would have to ask back for the words, and an
    address that gives out codes is the greater danger. So the phone rings for a short time
    only, which ends before most machines answer.

    :param ring_timeout: seconds that the phone rings.
    """

    def __init__(self, *, alias: str, voice_from: str, ring_timeout: int) -> None:
        if voice_from and not is_number(voice_from):
            raise InvalidBackend(
                "option 'voice_from' must be a phone number in E.164, +15005550006.",
                alias=alias,
            )
        is_whole = isinstance(ring_timeout, int) and not isinstance(ring_timeout, bool)
        if not (is_whole and 5 <= ring_timeout <= LONGEST_RING):
            raise InvalidBackend(
                f"option 'ring_timeout' must be a whole number from 5 to {LONGEST_RING}.",
                alias=alias,
            )
        self.is_on = bool(voice_from)
        self._from, self._ring_timeout = voice_from, ring_timeout

    def fields_of(self, message: SMSMessage) -> dict[str, Any]:
        """Return the parameters of the call.

        :raises NotDelivered: there is nothing to say.
        """
        if not message.code:
            raise NotDelivered("There is no code to say.", error_code="no-code")
        # A code that dies while the phone rings is not worth the call.
        ring_for = min(self._ring_timeout, int(message.valid_for.total_seconds()))
        return {
            "to": message.to,
            "from_": self._from,
            # In the body of the request: an address would be logged, and could be asked again.
            "twiml": _twiml(message.code, message.language),
            "timeout": max(1, ring_for),
            "time_limit": LONGEST_CALL,
        }


@sensitive_variables()
def _twiml(code: str, language: str) -> str:
    # Imported here: the SDK is 50 MB, and most sites run other commands too.
    from twilio.twiml.voice_response import VoiceResponse

    say_language, sentence = _sentence(language or django_settings.LANGUAGE_CODE)
    before, _, after = sentence.partition("{code}")
    words = [before.strip(), *code, after.strip(" .")]
    response = VoiceResponse()
    response.pause(length=1)  # The phone is on its way to the ear.
    for _time in range(TIMES):
        for word in filter(None, words):
            response.say(word, language=say_language)
            response.pause(length=1)
        response.pause(length=1)
    return str(response)


def _sentence(language: str) -> tuple[str, str]:
    """Return a language that Twilio speaks, and the sentence in it.

    Both are English where Twilio does not speak the person's language, or where there is no
    translation: a voice that reads out another language is not understood.
    """
    say_language = _say_language(language)
    if say_language is None:
        return ENGLISH, _translated("en")
    sentence = _translated(language)
    if say_language.startswith("en-") or _is_of(language, sentence):
        return say_language, sentence
    return ENGLISH, _translated("en")


def _say_language(language: str) -> str | None:
    language = language.lower().replace("_", "-")
    if language in SAY_LANGUAGES:
        return SAY_LANGUAGES[language]
    return SAY_LANGUAGES.get(_base(language))


def _is_of(language: str, sentence: str) -> bool:
    """Tell whether a sentence is a translation into ``language``. Where there is none, Django
    gives that of ``LANGUAGE_CODE``, or the original."""
    site_language = django_settings.LANGUAGE_CODE
    if sentence == _translated("en"):
        return False
    return _base(language) == _base(site_language) or sentence != _translated(site_language)


def _translated(language: str) -> str:
    with translation.override(language):
        return gettext(SENTENCE)


def _base(language: str) -> str:
    return language.partition("-")[0].lower()
