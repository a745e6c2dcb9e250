"""The words that settings choose from: limits, controls, modes, channels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_LIMITS: Mapping[str, str | None] = MappingProxyType(
    {
        "phone": "5/h,10/d",
        "phone_ip": "3/h,5/d",
        "ip": "50/h",
        "ip_56": "100/h",
        "ip_48": "200/h",
        "prefix": None,
        "country": None,
        "site": None,
        "failures": "10/h",
        "failures_ip": "30/h",
    }
)
NUMBERS_OWN = frozenset({"phone", "phone_ip", "failures"})
"""Limits that the row of a number counts, each use with its time."""

UNKNOWN_NUMBERS_CHOICES = ("register", "ignore", "reject")
CONTROLS = (
    "number_type",
    "region",
    *DEFAULT_LIMITS,
    "budget",
    "breaker",
    "lookup",
    "challenge",
)
MODES = ("off", "record", "enforce")
SMS = "sms"
WHATSAPP = "whatsapp"
VOICE = "voice"
CHANNELS = (SMS, WHATSAPP, VOICE)
DELIVERIES = ("immediate", "tasks", "celery")
OPTIONAL_NUMBER_TYPES = ("UNKNOWN", "VOIP", "FIXED_LINE")
