"""Drops messages."""

from __future__ import annotations

from ..conf.choices import CHANNELS
from .base import BaseSMSBackend, SendResult, SMSMessage


class SMSBackend(BaseSMSBackend):
    """Do nothing with each message."""

    development_only = True
    channels = frozenset(CHANNELS)

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()
