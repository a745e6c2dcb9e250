"""What the attacked site has of its own: hooks that note what they are asked, and a gateway."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django_sms_otp.backends import SendResult, SMSMessage, file
from django_sms_otp.controls.hooks import (
    NumberLookup,
    NumberRisk,
    NumberUse,
    Risk,
    SendAttempt,
    Verdict,
)
from django_sms_otp.exceptions import NotDelivered

__all__ = ["LOOKUPS", "QUESTIONS", "UNREACHABLE", "Gateway", "Landlines", "SwappedSims"]

UNREACHABLE = "+14155552999"
LOOKUPS, QUESTIONS = "lookups.txt", "questions.txt"
"""Files beside that of the messages: a line for each look-up, and for each question whether a
number may open its account."""


class Landlines(NumberLookup):
    """Takes every number for a landline's."""

    def look_up(self, attempt: SendAttempt) -> Verdict:
        _note(LOOKUPS, attempt.phone_number.e164)
        return Verdict.NOT_SMS_CAPABLE


class SwappedSims(NumberRisk):
    """Takes every SIM for a swapped one, after a moment."""

    def assess(self, use: NumberUse) -> Risk:
        _note(QUESTIONS, use.phone_number.e164)
        time.sleep(0.05)
        return Risk.ASK_FOR_MORE


class Gateway(file.SMSBackend):
    """Does not reach one number."""

    def send(self, message: SMSMessage) -> SendResult:
        if message.to == UNREACHABLE:
            raise NotDelivered("No route.", error_code="21612")
        return super().send(message)


def _note(name: str, e164: str) -> None:
    with (Path(os.environ["TEST_SERVER_MESSAGES"]) / name).open("a") as notes:
        notes.write(f"{e164}\n")
