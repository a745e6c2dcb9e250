"""No report of an error holds a code or a whole number: Sentry's, and that of Django."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from django_sms_otp import testing
from django_sms_otp.db import numbers
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import redeem_code

from .conftest import PHONE, last_code


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, str]]:
    """Run a site in a process of its own: Sentry's SDK patches packages for good."""
    command = [sys.executable, "-m", "tests.support.reported_site"]
    environment = {**os.environ, "TEST_DATABASE": "sqlite", "DATABASE_URL": ""}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("broken_issuer", "BrokenIssuer has no key."),
        ("broken_issuer_and_a_form", "BrokenIssuer has no key."),
        ("broken_resolver", "The resolver is broken"),
        ("broken_login_page", "The resolver is broken"),
        ("broken_write", "Full."),
        ("broken_backend", "failed with RuntimeError"),
        ("killed_backend", "Killed"),
        ("address_with_the_code", "The receiver is broken."),
        ("broken_receipt", "ZeroDivisionError"),
    ],
)
def test_sentry_at_its_defaults_gets_neither_code_nor_number(
    reports: dict[str, dict[str, str]], scenario: str, told: str
) -> None:
    report = reports[scenario]
    assert told in report["events"]
    for secret in (report["code"], report["typed"], PHONE[1:], PHONE[2:], "the-api-key"):
        assert not secret or secret not in report["events"]


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("way", ["json", "form", "service"])
def test_djangos_report_shows_no_code(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, way: str, debug: bool
) -> None:
    """With DEBUG on, Django heeds no ``sensitive_variables``."""
    body = {"phone_number": PHONE}
    with testing.override_sms_otp(CODE_LENGTH=10):
        client.post("/auth/sms/get-code/", body)
    code = body["code"] = last_code()
    settings.DEBUG = debug
    monkeypatch.setattr(numbers, "write_in_order", fail)
    monkeypatch.setattr(numbers, "write_at_once", fail)
    calls: dict[str, Callable[[], object]] = {
        "json": lambda: client.post(AUTH_CODE, body, content_type="application/json"),
        "form": lambda: client.post(AUTH_CODE, body),
        "service": lambda: redeem_code(code, phone_number=parse_phone_number(PHONE)),
    }
    with pytest.raises(DatabaseError) as raised:
        calls[way]()
    shown = frames_of(raised.value)
    assert "in redeem_code" in shown
    assert "***" in shown
    assert code not in shown
    assert PHONE[2:] not in shown


AUTH_CODE = "/auth/sms/auth-code/"


def frames_of(error: Exception) -> str:
    """Return the local variables that Django's page shows, without those of the tests."""
    request = RequestFactory().get("/")
    report = ExceptionReporter(request, type(error), error, error.__traceback__)
    return "\n".join(
        f"in {frame['function']}: {frame['vars']}"
        for frame in report.get_traceback_data()["frames"]
        if "/tests/" not in frame["filename"] and "/django/test/" not in frame["filename"]
    )


def fail(*_args: object) -> None:
    raise DatabaseError("The disk is full.")
