"""The words of a call, in Twilio's markup.

https://www.twilio.com/docs/voice/twiml/say
"""

from __future__ import annotations

from ...masked import MaskedText
from ..spoken import REPETITIONS, compose_speech

__all__ = ["compose_twiml"]

# One for each language, and those for a region.
OF_A_LANGUAGE = """
    ca-ES da-DK de-DE en-US es-ES fi-FI fr-FR it-IT ja-JP ko-KR nb-NO nl-NL pl-PL pt-PT ru-RU
    sv-SE zh-CN
"""
OF_A_REGION = "en-AU en-CA en-GB en-IN es-MX fr-CA pt-BR zh-HK zh-TW"

SAY_LANGUAGES = {
    **{name[:2]: name for name in OF_A_LANGUAGE.split()},
    **{name.lower(): name for name in OF_A_REGION.split()},
    "no": "nb-NO",
    "zh-hans": "zh-CN",
    "zh-hant": "zh-TW",
}
"""Twilio's names of languages, by Django's."""


def compose_twiml(code: str, language: str) -> str:
    """Return what a call says: the code, digit by digit."""
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
    return MaskedText(response)
