"""Writes messages to a file, and makes points of that."""

from __future__ import annotations

from django_sms_otp.backends import SendResult, SMSMessage
from django_sms_otp.backends.file import SMSBackend as FileBackend

from .points import reached


class SMSBackend(FileBackend):
    def send(self, message: SMSMessage) -> SendResult:
        reached("send")
        result = super().send(message)
        reached("sent")
        return result
