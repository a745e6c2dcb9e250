"""Asks Verify about guesses, and makes points of that."""

from __future__ import annotations

from django_sms_otp.backends import CodeCheck
from django_sms_otp.backends.twilio.verify import SMSBackend as VerifyBackend

from .points import reached


class SMSBackend(VerifyBackend):
    def check_code(self, check: CodeCheck) -> bool:
        reached("check")
        is_right = super().check_code(check)
        reached("checked")
        return is_right
