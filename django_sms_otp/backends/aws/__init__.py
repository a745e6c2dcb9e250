"""Messages by Amazon's End User Messaging, and calls."""

from .backend import SMSBackend

__all__ = ["SMSBackend"]
