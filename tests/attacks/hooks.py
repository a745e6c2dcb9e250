"""What the attacked site has of its own: a look-up that notes itself, and a gateway."""

from __future__ import annotations

import os
from pathlib import Path

from django_sms_otp.backends import SendResult, SMSMessage, file
from django_sms_otp.controls.hooks import NumberLookup, SendAttempt, Verdict
from django_sms_otp.exceptions import NotDelivered

__all__ = ["LOOKUPS", "UNREACHABLE", "Gateway", "Landlines"]

UNREACHABLE = "+14155552999"
LOOKUPS = "lookups.txt"
"""A file beside that of the messages: a line for each look-up."""


class Landlines(NumberLookup):
    """Takes every number for a landline's."""

    def look_up(self, attempt: SendAttempt) -> Verdict:
        with (Path(os.environ["TEST_SERVER_MESSAGES"]) / LOOKUPS).open("a") as lookups:
            lookups.write(f"{attempt.phone_number.e164}\n")
        return Verdict.NOT_SMS_CAPABLE


class Gateway(file.SMSBackend):
    """Does not reach one number."""

    def send(self, message: SMSMessage) -> SendResult:
        if message.to == UNREACHABLE:
            raise NotDelivered("No route.", error_code="21612")
        return super().send(message)
