"""Keeps messages in memory: for tests. See ``django_sms_otp.testing``."""

from __future__ import annotations

from ..conf.choices import CHANNELS
from .base import BaseSMSBackend, SendResult, SMSMessage

outbox: list[SMSMessage] = []
"""The messages of this process, oldest first."""


class SMSBackend(BaseSMSBackend):
    """Append each message to :data:`outbox`."""

    development_only = True
    channels = frozenset(CHANNELS)

    def send(self, message: SMSMessage) -> SendResult:
        outbox.append(message)
        return SendResult()
