"""Fixtures for the tests of the documentation."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal

from django_sms_otp import signals

from . import pages

ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_API_KEY_SID": "SK" + "0" * 32,
    "TWILIO_API_KEY_SECRET": "secret",
    "TWILIO_FROM_NUMBER": "+15005550006",
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
    "TWILIO_VERIFY_SERVICE_SID": "VA" + "0" * 32,
    "TWILIO_VERIFY_PHONE_SERVICE_SID": "VA" + "1" * 32,
    "APPRISE_URL": "bulksms://id:secret@{to}",
    "GATEWAY_API_KEY": "secret",
    "SMS_WEBHOOK_SECRET": "w" * 43,
    "TURNSTILE_SECRET": "secret",
    "SMS_OTP_KEY": "k" * 50,
    "SMS_OTP_OLD_KEY": "o" * 50,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that the examples read."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def modules(environment: None) -> Iterator[Callable[[Path], dict[str, Any]]]:
    """Return a function that imports the example modules of a page, as ``shop.<name>``."""
    before = set(sys.modules)
    ours = [signal for signal in vars(signals).values() if isinstance(signal, Signal)]
    receivers = [(signal, list(signal.receivers)) for signal in ours]

    def load(path: Path) -> dict[str, Any]:
        loaded: dict[str, Any] = {}
        sys.modules["shop"] = types.ModuleType("shop")
        for block in pages.blocks(path):
            if block.language != "python" or not block.title.startswith("shop/"):
                continue
            name = pages.module_name(block)
            if name in {"shop.settings", "shop.urls"}:
                continue
            module = types.ModuleType(name) if name != "shop" else sys.modules[name]
            module.__package__ = "shop"
            sys.modules[name] = module
            exec(compile(block.text, str(block), "exec"), module.__dict__)
            if name != "shop":
                setattr(sys.modules["shop"], name.removeprefix("shop."), module)
            loaded[name] = module
        return loaded

    yield load
    for signal, connected in receivers:
        signal.receivers = connected
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "shop":
            del sys.modules[name]
