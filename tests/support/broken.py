"""Parts of a site that fail, with a code or a number in their local variables."""

from __future__ import annotations

from typing import Any

from django_sms_otp.auth.users import VerifiedPhoneResolver
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import DeliveryUnknown, NotDelivered


class Killed(BaseException):
    """Ends a request as a server ends a slow worker: no ``except Exception`` takes it."""


class KilledBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        to, code, text = message.to, message.code, message.body
        raise Killed(f"{len(to)} {len(code or '')} {len(text)}")


class BrokenBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        to, code, text = message.to, message.code, message.body
        raise RuntimeError(f"{len(to)} {len(code or '')} {len(text)}")


class SilentBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("The gateway is down.")


class TimedOutBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise DeliveryUnknown("The gateway has not answered.")


class BrokenResolver(VerifiedPhoneResolver):
    def get_user(self, phone_number: Any) -> Any:
        e164 = phone_number.e164
        raise RuntimeError(f"The resolver is broken: {len(e164)}.")


def receive(**_kwargs: Any) -> None:
    raise RuntimeError("The receiver is broken.")
