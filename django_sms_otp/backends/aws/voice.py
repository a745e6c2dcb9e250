"""What AWS says on the phone: the code, digit by digit, in the person's language.

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendVoiceMessage.html
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from django.conf import settings as django_settings
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_variables

__all__ = ["LONGEST_SPEECH", "VOICES", "spoken"]

SENTENCE = "Your code is {code}"
"""The words that the setting ``MESSAGE`` has by default, so that they are translated."""

LONGEST_SPEECH = 6000
TIMES = 3
ENGLISH = "JOANNA"

# https://docs.aws.amazon.com/polly/latest/dg/available-voices.html, by Django's languages.
VOICES = {
    "da": "NAJA",
    "de": "VICKI",
    "en": ENGLISH,
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


@sensitive_variables("code", "digits", "once")
def spoken(code: str, language: str) -> tuple[str, str]:
    """Return the SSML, and the voice that reads it.

    Both are English where AWS has no voice for the language, or where there is no translation.
    """
    voice, sentence = _sentence(language or django_settings.LANGUAGE_CODE)
    digits = '<break time="600ms"/>'.join(code)
    once = escape(sentence).replace("{code}", f'<break time="600ms"/>{digits}')
    pause = '<break time="2s"/>'
    # The phone is on its way to the ear, and then a pen is looked for.
    return f'<speak><break time="1s"/>{pause.join([once] * TIMES)}</speak>', voice


def _sentence(language: str) -> tuple[str, str]:
    language = language.lower()
    voice = VOICES.get(language) or VOICES.get(language.split("-")[0])
    with translation.override(language):
        sentence = gettext(SENTENCE)
    is_english = language.split("-")[0] == "en"
    if voice is None or (sentence == SENTENCE and not is_english):
        return ENGLISH, SENTENCE
    return voice, sentence
