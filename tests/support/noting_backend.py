"""A backend that only notes what is to be sent, as one that hands over to a queue does."""

from __future__ import annotations

import uuid

from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage

noted: list[uuid.UUID] = []


class SMSBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        noted.append(message.request_id)
        return SendResult()
