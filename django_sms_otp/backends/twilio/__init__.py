"""Twilio: messages, WhatsApp and calls; and Twilio Verify, in ``verify``."""

from .backend import SMSBackend

__all__ = ["SMSBackend"]
