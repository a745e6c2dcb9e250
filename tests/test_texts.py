"""Each refusal says in the active language what the person reads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from django_sms_otp.exceptions import (
    Contention,
    DeliveryRefused,
    InvalidPhoneNumber,
    NotSMSCapable,
    RegionNotSupported,
    Unavailable,
)
from django_sms_otp.results import RedemptionRefused, RequestRefused
from django_sms_otp.texts import TEXTS

REFUSALS = [RequestRefused(reason="cooldown"), RedemptionRefused(reason="invalid_code")]
ERRORS = [Contention(), Unavailable("The cache is down.", retry_after=timedelta(seconds=5))]
NUMBERS = [InvalidPhoneNumber(), NotSMSCapable(region="DE"), RegionNotSupported(region="CU")]


@pytest.mark.parametrize("refusal", [*REFUSALS, *ERRORS], ids=lambda each: type(each).__name__)
def test_a_refusal_has_a_text_in_the_language_that_is_active_when_it_is_read(
    refusal: RequestRefused | RedemptionRefused | Contention | Unavailable,
) -> None:
    word = refusal.code if isinstance(refusal, Exception) else refusal.reason
    english = refusal.text
    with translation.override("de"):
        assert refusal.text == str(TEXTS[word])
        assert refusal.text != english


@pytest.mark.parametrize("error", NUMBERS, ids=lambda each: type(each).__name__)
def test_the_text_of_a_refused_number_is_that_of_its_code(error: InvalidPhoneNumber) -> None:
    english = str(error)
    with translation.override("de"):
        assert str(error) == str(TEXTS[error.code]) != english


def test_a_number_may_be_refused_with_a_text_of_its_own() -> None:
    assert str(InvalidPhoneNumber("Line 7 is no number.")) == "Line 7 is no number."


def test_a_backend_blames_a_number_by_a_word_that_has_a_text() -> None:
    assert {*DeliveryRefused.codes} <= {*TEXTS}
    with pytest.raises(ValueError, match=r"one of invalid_phone_number, .* not 'landline'"):
        DeliveryRefused("No.", code="landline")
