"""How long a wait is, in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from django_sms_otp.web.words import refusal_text, wait_text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 second"),
        (30, "30 seconds"),
        (30.2, "31 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (59 * 60, "59 minutes"),
        (60 * 60 - 1, "about an hour"),
        (70 * 60, "about an hour"),
        (71 * 60, "about 2 hours"),
        (24 * 3600, "about 24 hours"),
    ],
)
def test_a_wait_is_told_in_its_unit(seconds: float, said: str) -> None:
    assert wait_text(timedelta(seconds=seconds)) == f"You can ask again in {said}."


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("cooldown", "A code was sent a moment ago. You can ask again in 30 seconds."),
        ("busy", "Several requests for this phone number came at the same time. "),
        (
            "unavailable",
            "The service is not available right now. Please try again in a moment.",
        ),
    ],
)
def test_a_refusal_says_once_what_to_do(reason: str, said: str) -> None:
    text = refusal_text(reason, timedelta(seconds=30))
    assert text.startswith(said)
    assert text.count(" again") == 1


@pytest.mark.parametrize("wait", [None, timedelta()])
def test_a_refusal_without_a_wait_names_none(wait: timedelta | None) -> None:
    text = refusal_text("too_many_attempts", wait)
    assert text == "Too many wrong codes. Please ask for a new code."
