"""A backend's options, a message, and how sending it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_sms_otp.backends.base import SMSMessage
from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.exceptions import DeliveryError

from ...conftest import PHONE
from ...support.gateways import CODE, make_message

__all__ = ["CODE", "PHONE", "failure_of", "make_message", "without"]

ACCOUNT_SID = "AC" + "1" * 32
AUTH_TOKEN = "token-of-the-account-7f3a"
API_KEY_SID = "SK" + "2" * 32
API_KEY_SECRET = "secret-of-the-key-9c1b"
API_KEY = {"api_key_sid": API_KEY_SID, "api_key_secret": API_KEY_SECRET}
SERVICE_SID = "MG" + "3" * 32
SENDER = "+15005550006"
OPTIONS: dict[str, Any] = {
    "account_sid": ACCOUNT_SID,
    "auth_token": AUTH_TOKEN,
    "from_number": SENDER,
    "timeout": 5,
}

MakeBackend = Callable[..., SMSBackend]


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in OPTIONS.items() if name not in names}


def failure_of(backend: SMSBackend, message: SMSMessage | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        backend.send(message or make_message())
    return caught.value
