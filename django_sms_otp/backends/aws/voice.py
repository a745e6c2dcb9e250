"""The words of a call by AWS, as SSML.

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendVoiceMessage.html
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from ...masked import MaskedText
from ..spoken import REPETITIONS, compose_speech

__all__ = ["VOICES", "compose_ssml"]

# https://docs.aws.amazon.com/polly/latest/dg/available-voices.html, by Django's languages.
VOICES = {
    "da": "NAJA",
    "de": "VICKI",
    "en": "JOANNA",
    "en-au": "NICOLE",
    "en-gb": "AMY",
    "en-in": "RAVEENA",
    "es": "LUCIA",
    "es-mx": "MIA",
    "fr": "LEA",
    "fr-ca": "CHANTAL",
    "is": "DORA",
    "it": "BIANCA",
    "ja": "MIZUKI",
    "ko": "SEOYEON",
    "nb": "LIV",
    "nl": "LOTTE",
    "pl": "MAJA",
    "pt": "INES",
    "pt-br": "CAMILA",
    "ro": "CARMEN",
    "ru": "TATYANA",
    "sv": "ASTRID",
    "tr": "FILIZ",
    "zh-hans": "ZHIYU",
}


def compose_ssml(code: str, language: str) -> tuple[str, str]:
    """Return the SSML for a code, and the voice that reads it."""
    speech = compose_speech(code, language, VOICES)
    once = '<break time="600ms"/>'.join(map(escape, speech.words))
    repeated = '<break time="2s"/>'.join([once] * REPETITIONS)
    # The person needs a second to put the phone to the ear.
    text = f'<speak><break time="1s"/>{repeated}</speak>'
    return MaskedText(text), speech.voice
