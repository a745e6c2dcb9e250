"""The real SDK, over HTTP, against a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend

from ...support.fake_twilio import FakeTwilio, fake_twilio
from .kit import OPTIONS, MakeBackend


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with fake_twilio() as server:
        yield server


@pytest.fixture
def make_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBackend]:
    """Make backends whose connections are closed after the test."""
    made: list[SMSBackend] = []
    monkeypatch.setattr("django_sms_otp.backends.twilio.client.RATE_RETRY_BASE", 0.001)

    def make(**options: Any) -> SMSBackend:
        backend = SMSBackend(alias="default", **options)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend._client.http_client.session.close()


@pytest.fixture
def backend(twilio: FakeTwilio, make_backend: MakeBackend) -> SMSBackend:
    return make_backend(**OPTIONS, base_url=twilio.base_url)
