"""Several gateways on this machine, each behind the Twilio backend."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from django_sms_otp.backends import SMSMessage

from ..conftest import PHONE
from .fake_twilio import Answer, FakeTwilio, accepted, fake_twilio, refusal

__all__ = [
    "BLOCKED",
    "HANGS_UP",
    "NOT_SENT",
    "REFUSED",
    "SENT",
    "composite",
    "gateways",
    "make_message",
    "twilio_entry",
    "unreachable",
]

SENT = accepted()
NOT_SENT = refusal(400, 21611)
REFUSED = refusal(400, 21211)
BLOCKED = refusal(400, 30450)
HANGS_UP = Answer(hangs_up=True)

CODE = "482913"


@contextmanager
def gateways(*names: str) -> Iterator[dict[str, FakeTwilio]]:
    """Start a gateway for each alias."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(fake_twilio()) for name in names}


def twilio_entry(base_url: str, *, timeout: float = 30.0) -> dict[str, Any]:
    """Return the entry of a backend that sends by the gateway at this address."""
    return {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {
            "account_sid": "AC" + "0" * 32,
            "auth_token": "token",
            "from_number": "+15005550006",
            "timeout": timeout,
            "base_url": base_url,
        },
    }


def composite(kind: str, **options: Any) -> dict[str, Any]:
    """Return the entry of a backend that hands on: ``failover`` or ``routing``."""
    return {"BACKEND": f"django_sms_otp.backends.{kind}.SMSBackend", "OPTIONS": options}


def entries(found: Mapping[str, FakeTwilio]) -> dict[str, Any]:
    return {name: twilio_entry(gateway.base_url) for name, gateway in found.items()}


def unreachable() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def make_message(**values: Any) -> SMSMessage:
    fields: dict[str, Any] = {
        "to": PHONE,
        "body": f"Your code is {CODE}",
        "code": CODE,
        "purpose": "login",
        "request_id": uuid.UUID(int=7),
        "valid_for": timedelta(minutes=10),
        "region": "US",
    }
    return SMSMessage(**{**fields, **values})
