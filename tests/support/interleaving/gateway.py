"""A gateway that makes one code for everybody, and approves it as often as it is guessed."""

from __future__ import annotations

from django_sms_otp.backends import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from django_sms_otp.exceptions import NotDelivered

__all__ = ["BUSY", "RIGHT", "WRONG", "SMSBackend"]

RIGHT = "111111"
WRONG = "222222"
BUSY = "333333"
"""Not looked at."""


class SMSBackend(BaseSMSBackend):
    checks_codes = True

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()

    def check_code(self, check: CodeCheck) -> bool:
        if check.typed == BUSY:
            raise NotDelivered("Busy.")
        return check.typed == RIGHT
