"""What a call is made of, and what it says."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from django.utils import translation
from django.utils.translation import trans_real

from django_sms_otp.backends.twilio.backend import LONGEST_CALL, SMSBackend
from django_sms_otp.backends.twilio.voice import SAY_LANGUAGES
from django_sms_otp.exceptions import DeliveryRefused, NotDelivered

from ...support.fake_twilio import CALL_SID, FakeTwilio, accepted, refusal
from .kit import ACCOUNT_SID, CODE, OPTIONS, PHONE, MakeBackend, failure_of, make_message

CALLER = "+15005550008"

LONGEST_TWIML = 4000
"""Characters that Twilio takes for the parameter Twiml."""


@pytest.fixture
def backend(twilio: FakeTwilio, make_backend: MakeBackend) -> SMSBackend:
    twilio.answers(accepted(sid=CALL_SID))
    return make_backend(**OPTIONS, voice_from=CALLER, base_url=twilio.base_url)


def spoken(twilio: FakeTwilio) -> list[tuple[str | None, str]]:
    """Return what was said: language and words."""
    document = ElementTree.fromstring(twilio.requests[-1].form["Twiml"])
    assert document.tag == "Response"
    assert {verb.tag for verb in document} == {"Say", "Pause"}
    return [(verb.get("language"), verb.text or "") for verb in document.iter("Say")]


def say(backend: SMSBackend, twilio: FakeTwilio, language: str) -> list[tuple[str | None, str]]:
    backend.send(make_message(channel="voice", language=language))
    return spoken(twilio)


def test_a_call_has_just_these_fields(backend: SMSBackend, twilio: FakeTwilio) -> None:
    assert backend.send(make_message(channel="voice")).message_id == CALL_SID

    [request] = twilio.requests
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
    twiml = request.form.pop("Twiml")
    assert twiml.startswith("<?xml")
    assert request.form == {
        "To": PHONE,
        "From": CALLER,
        "Timeout": "15",
        "TimeLimit": str(LONGEST_CALL),
    }


def test_the_code_is_said_three_times_digit_by_digit(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    once = [("en-US", "Your code is"), *(("en-US", digit) for digit in CODE)]

    assert say(backend, twilio, "en") == once * 3


def test_there_is_a_pause_before_all_and_after_each_digit(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message(channel="voice"))

    document = ElementTree.fromstring(twilio.requests[0].form["Twiml"])
    verbs = [verb.tag for verb in document]
    assert verbs[0] == "Pause"
    after = [second for first, second in pairwise(verbs) if first == "Say"]
    assert set(after) == {"Pause"}


def test_the_longest_code_fits_into_a_call(backend: SMSBackend, twilio: FakeTwilio) -> None:
    backend.send(make_message(channel="voice", code="0" * 10, language="fr"))

    twiml = twilio.requests[0].form["Twiml"]
    document = ElementTree.fromstring(twiml)
    pauses = sum(int(verb.get("length") or 1) for verb in document.iter("Pause"))
    words = len(list(document.iter("Say")))
    assert len(twiml) <= LONGEST_TWIML
    assert pauses + words * 1.5 < LONGEST_CALL


@pytest.mark.parametrize(
    ("language", "voice", "words"),
    [
        ("de", "de-DE", "Ihr Code lautet"),
        ("de-at", "de-DE", "Ihr Code lautet"),
        ("es", "es-ES", "Su código es"),
        ("es-mx", "es-MX", "Su código es"),
        ("fr-ca", "fr-CA", "Votre code est"),
        ("fr_CA", "fr-CA", "Votre code est"),
        ("en-gb", "en-GB", "Your code is"),
        ("en-nz", "en-US", "Your code is"),
    ],
)
def test_a_call_speaks_the_persons_language(
    backend: SMSBackend, twilio: FakeTwilio, language: str, voice: str, words: str
) -> None:
    said = say(backend, twilio, language)

    assert said[0] == (voice, words)
    assert {each for each, _ in said} == {voice}


@pytest.mark.parametrize("language", ["da", "sv", "uk", "cy", "tlh", "??"])
@pytest.mark.parametrize("site_language", ["en-us", "de"])
def test_without_a_voice_or_a_translation_voice_and_words_are_english(  # noqa: PLR0917
    backend: SMSBackend,
    twilio: FakeTwilio,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    site_language: str,
) -> None:
    # Django would give the words of the site's language, and Twilio read them as Danish.
    monkeypatch.setattr(trans_real, "_translations", {})
    settings.LANGUAGE_CODE = site_language

    said = say(backend, twilio, language)

    assert said[0] == ("en-US", "Your code is")
    assert {voice for voice, _ in said} == {"en-US"}


def test_a_message_without_a_language_is_in_the_sites(
    backend: SMSBackend,
    twilio: FakeTwilio,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trans_real, "_translations", {})
    settings.LANGUAGE_CODE = "de"

    assert say(backend, twilio, "")[0] == ("de-DE", "Ihr Code lautet")


def test_the_callers_language_stays_as_it_is(backend: SMSBackend, twilio: FakeTwilio) -> None:
    with translation.override("es"):
        assert say(backend, twilio, "de")[0] == ("de-DE", "Ihr Code lautet")
        assert translation.get_language() == "es"


def test_languages_are_found_whatever_their_case() -> None:
    assert all(name == name.lower() for name in SAY_LANGUAGES)


@pytest.mark.parametrize(
    ("valid_for", "timeout"),
    [(timedelta(minutes=10), "40"), (timedelta(seconds=20), "20"), (timedelta(0), "1")],
)
def test_a_phone_rings_no_longer_than_the_code_lives(
    make_backend: MakeBackend, twilio: FakeTwilio, valid_for: timedelta, timeout: str
) -> None:
    backend = make_backend(
        **OPTIONS, voice_from=CALLER, ring_timeout=40, base_url=twilio.base_url
    )
    backend.send(make_message(valid_for=valid_for, channel="voice"))

    assert twilio.requests[0].form["Timeout"] == timeout


def test_the_code_is_in_no_address(backend: SMSBackend, twilio: FakeTwilio) -> None:
    backend.send(make_message(channel="voice"))

    [request] = twilio.requests
    others = {name: value for name, value in request.form.items() if name != "Twiml"}
    assert CODE not in f"{request.path} {request.headers} {others}"
    assert "Url" not in request.form


def test_without_a_code_there_is_no_call(backend: SMSBackend, twilio: FakeTwilio) -> None:
    error = failure_of(backend, make_message(channel="voice", code=None))

    assert isinstance(error, NotDelivered)
    assert error.error_code == "no-code"
    assert twilio.requests == []


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_call_created_as_failed_was_not_made(
    backend: SMSBackend, twilio: FakeTwilio, status: str
) -> None:
    twilio.answers(accepted(sid=CALL_SID, status=status))

    error = failure_of(backend, make_message(channel="voice"))

    assert type(error) is NotDelivered


@pytest.mark.parametrize(
    ("code", "error_type", "needs_attention"),
    [
        (21202, DeliveryRefused, False),
        (21203, DeliveryRefused, True),
        (21210, NotDelivered, True),
        (21211, DeliveryRefused, False),
        (21212, NotDelivered, True),
        (21213, NotDelivered, True),
        (21214, NotDelivered, False),
        (21215, DeliveryRefused, True),
        (21216, DeliveryRefused, True),
        (21217, DeliveryRefused, False),
        (21219, NotDelivered, True),
        (13214, NotDelivered, True),
        (13224, DeliveryRefused, False),
        (13225, DeliveryRefused, True),
        (13227, DeliveryRefused, True),
        (10004, NotDelivered, False),
    ],
)
def test_a_call_that_twilio_refuses(
    backend: SMSBackend,
    twilio: FakeTwilio,
    code: int,
    error_type: type[NotDelivered | DeliveryRefused],
    needs_attention: bool,
) -> None:
    twilio.answers(refusal(400, code))

    error = failure_of(backend, make_message(channel="voice"))

    assert type(error) is error_type
    assert error.error_code == str(code)
    assert error.needs_attention is needs_attention
    assert len(twilio.requests) == 1
