"""Prints messages: for development."""

from __future__ import annotations

import sys

from ..conf.choices import CHANNELS
from .base import BaseSMSBackend, SendResult, SMSMessage

KINDS = {"sms": "SMS", "whatsapp": "WhatsApp message", "voice": "Call"}


class SMSBackend(BaseSMSBackend):
    """Print each message to standard output."""

    development_only = True
    channels = frozenset(CHANNELS)

    def send(self, message: SMSMessage) -> SendResult:
        rule = "-" * 60
        sys.stdout.write(
            f"{rule}\n{KINDS[message.channel]} to {message.to}\n\n{message.body}\n{rule}\n"
        )
        sys.stdout.flush()
        return SendResult()
