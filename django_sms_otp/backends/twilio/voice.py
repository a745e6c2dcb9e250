"""The fields of Twilio's Calls resource: who calls whom, and what the call says.

https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
"""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_variables

from ...exceptions import InvalidBackend, NotDelivered
from ..base import SMSMessage
from ..spoken import REPETITIONS, compose_speech
from .messages import is_number

__all__ = ["Calls"]

# https://www.twilio.com/docs/voice/twiml/say, by Django's names of languages.
SAY_LANGUAGES = {
    "ca": "ca-ES",
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
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

LONGEST_CALL = 120
"""Seconds. Ten digits take about ninety, three times."""

LONGEST_RING = 600
"""Most seconds that Twilio lets a phone ring."""


class Calls:
    """Calls that say the code, digit by digit.

    An answering machine hears the code too. A call cannot tell a machine from a person unless
    Twilio asks back for the words, and an address that gives out codes is the greater danger.
    So the phone rings only for a short time, which ends before most machines answer.

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

    def build_fields(self, message: SMSMessage) -> dict[str, Any]:
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
            # The words are in the body of the request. An address that has them would be
            # logged, and anybody could ask it again.
            "twiml": _compose_twiml(message.code, message.language),
            "timeout": max(1, ring_for),
            "time_limit": LONGEST_CALL,
        }


@sensitive_variables()
def _compose_twiml(code: str, language: str) -> str:
    # Imported here: the SDK has 50 MB, and most processes never call it.
    from twilio.twiml.voice_response import VoiceResponse

    speech = compose_speech(code, language, SAY_LANGUAGES)
    response = VoiceResponse()
    response.pause(length=1)  # The person puts the phone to the ear.
    for _repetition in range(REPETITIONS):
        for word in speech.words:
            response.say(word, language=speech.voice)
            response.pause(length=1)
        response.pause(length=1)
    return str(response)
