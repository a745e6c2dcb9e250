"""Prints messages: for development."""

from __future__ import annotations

import sys

from .base import BaseSMSBackend, SendResult, SMSMessage


class SMSBackend(BaseSMSBackend):
    """Print each message to standard output."""

    development_only = True

    def send(self, message: SMSMessage) -> SendResult:
        rule = "-" * 60
        sys.stdout.write(f"{rule}\nSMS to {message.to}\n\n{message.body}\n{rule}\n")
        sys.stdout.flush()
        return SendResult()
