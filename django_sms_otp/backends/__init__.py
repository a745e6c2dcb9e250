"""Backends by alias, as ``SMS_OTP_BACKENDS`` names them."""

from ..conf import DEFAULT_ALIAS
from .base import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from .handing_over import ask_gateway, hand_over
from .registry import borrow, code_issuing_backend, get_backend, with_targets
from .words import describe

__all__ = [
    "DEFAULT_ALIAS",
    "BaseSMSBackend",
    "CodeCheck",
    "SMSMessage",
    "SendResult",
    "ask_gateway",
    "borrow",
    "code_issuing_backend",
    "describe",
    "get_backend",
    "hand_over",
    "with_targets",
]
