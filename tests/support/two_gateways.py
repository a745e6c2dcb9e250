"""Two gateways of which the first may fail, and one backend in front of them."""

from __future__ import annotations

from collections.abc import Callable

from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage, hand_over
from django_sms_otp.exceptions import NotDelivered

__all__ = ["Front", "Gateway", "sent", "while_sending"]

sent: list[tuple[str, SMSMessage]] = []
"""The messages, with the aliases that sent them."""

while_sending: list[Callable[[str, SMSMessage], None]] = []
"""Called after a gateway took a message, and before its backend says so."""


class Gateway(BaseSMSBackend):
    """Sends what ``while_sending`` does not stop."""

    gateway = "twilio"
    receipt_view = "django_sms_otp.webhooks.twilio.TwilioView"
    receipt_secret = "the-accounts-auth-token"

    def send(self, message: SMSMessage) -> SendResult:
        sent.append((self.alias, message))
        for step in while_sending:
            step(self.alias, message)
        return SendResult(message_id=f"SM{self.alias}{message.send_count}")


class Front(BaseSMSBackend):
    """Goes through its targets, those to avoid last."""

    targets = ("first", "second")

    def send(self, message: SMSMessage) -> SendResult:
        error = NotDelivered("There is no target.")
        for alias in sorted(self.targets, key=lambda each: each in message.avoid):
            try:
                return hand_over(message, alias)
            except NotDelivered as refusal:
                error = refusal
        raise error
