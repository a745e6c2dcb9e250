"""A gateway that notes each code in a file, by one short write."""

from __future__ import annotations

import os
from typing import Any

from django_sms_otp.backends.base import BaseSMSBackend, SendResult, SMSMessage

__all__ = ["SMSBackend"]


class SMSBackend(BaseSMSBackend):
    def __init__(self, *, alias: str, path: str, **options: Any) -> None:
        super().__init__(alias=alias, **options)
        # Lines of several processes do not mix in append mode.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(self, message: SMSMessage) -> SendResult:
        os.write(self._file, f"{message.to} {message.code}\n".encode())
        return SendResult()
