"""A gateway that keeps messages in a file, and fails as a test orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django_sms_otp.backends import SendResult, SMSMessage
from django_sms_otp.backends.file import SMSBackend as FileBackend
from django_sms_otp.exceptions import NotDelivered

from .orders import REFUSE, Orders


class SMSBackend(FileBackend):
    wants_feedback = True

    def __init__(self, *, path: str, **options: Any) -> None:
        super().__init__(path=path, **options)
        self._folder = Path(path)
        self._orders = Orders(self._folder)

    def send(self, message: SMSMessage) -> SendResult:
        if self._orders.reached("call") == REFUSE:
            raise NotDelivered("Busy.", error_code="busy")
        super().send(message)
        self._orders.reached("answer")
        return SendResult(message_id=f"SM{message.request_id}")

    def send_feedback(self, message_id: str) -> None:
        with (self._folder / "reports").open("a") as file:
            file.write(f"{message_id}\n")
