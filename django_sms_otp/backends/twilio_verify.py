"""Twilio Verify, by the path that settings name."""

from .twilio.verify import SMSBackend

__all__ = ["SMSBackend"]
