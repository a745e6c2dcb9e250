"""Feedback about redeemed codes: a thread sends it, and nobody waits for that."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.delivery import code_of, feedback, send_feedback
from django_sms_otp.logs import short_id
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed

from ..conftest import PHONE

pytestmark = pytest.mark.django_db

NUMBER = parse_phone_number(PHONE)
PATIENCE = 10.0

tenant: ContextVar[str] = ContextVar("tenant", default="")
"""Whose request this is, on a site with tenants."""


class HangingGateway(BaseSMSBackend):
    """Takes feedback when a test lets it, and notes from which thread it came."""

    wants_feedback = True
    asked: threading.Semaphore
    may_answer: threading.Semaphore
    reports: list[tuple[str, threading.Thread]] = []
    tenants: list[str] = []

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult(message_id="SM1")

    def send_feedback(self, message_id: str) -> None:
        self.asked.release()
        self.may_answer.acquire(timeout=PATIENCE)
        connections["default"].ensure_connection()
        self.tenants.append(tenant.get())
        self.reports.append((message_id, threading.current_thread()))


@pytest.fixture(autouse=True)
def gateway(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = f"{__name__}.HangingGateway"
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": path}}
    feedback._queue.cache_clear()
    HangingGateway.reports.clear()
    HangingGateway.tenants.clear()
    for name in ("asked", "may_answer"):
        monkeypatch.setattr(HangingGateway, name, threading.Semaphore(0), raising=False)
    yield
    HangingGateway.may_answer.release(1000)
    # Not join(), which would wait for ever for a thread that has died.
    deadline = time.monotonic() + PATIENCE
    while feedback._queue().unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.01)


def log_in() -> None:
    services.request_code(NUMBER)
    code = code_of(OTPCode.objects.get())
    assert code
    assert isinstance(services.redeem_code(code, phone_number=NUMBER), Redeemed)


def wait_for(count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(HangingGateway.reports) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_feedback_is_given_in_the_context_of_its_login() -> None:
    HangingGateway.may_answer.release(2)
    for name in ("acme", "globex"):
        tenant.set(name)
        send_feedback(OTPCode(backend="default", message_id=name))
    tenant.set("")
    wait_for(2)
    assert HangingGateway.tenants == ["acme", "globex"]


def test_a_login_does_not_wait_for_its_feedback() -> None:
    log_in()
    assert HangingGateway.asked.acquire(timeout=PATIENCE)
    assert not HangingGateway.reports
    HangingGateway.may_answer.release()
    wait_for(1)
    [(message_id, by)] = HangingGateway.reports
    assert message_id == "SM1"
    assert by is not threading.main_thread()


def test_one_thread_sends_all_feedback() -> None:
    HangingGateway.may_answer.release(3)
    for _ in range(3):
        send_feedback(OTPCode(backend="default", message_id="SM1"))
    wait_for(3)
    assert len({by for _, by in HangingGateway.reports}) == 1


def test_the_thread_keeps_no_connection_to_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = threading.Event()
    close_all = connections.close_all

    def close_and_tell() -> None:
        close_all()
        closed.set()

    monkeypatch.setattr(connections, "close_all", close_and_tell)
    HangingGateway.may_answer.release()
    send_feedback(OTPCode(backend="default", message_id="SM1"))
    assert closed.wait(PATIENCE)


def test_the_thread_outlives_a_driver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(connections, "close_all", fail)
    HangingGateway.may_answer.release(2)
    for count in (1, 2):
        send_feedback(OTPCode(backend="default", message_id="SM1"))
        wait_for(count)
    assert len({by for _, by in HangingGateway.reports}) == 1


def test_feedback_is_dropped_while_too_much_waits(caplog: pytest.LogCaptureFixture) -> None:
    first, *others = [OTPCode(backend="default", message_id="SM1") for _ in range(103)]
    send_feedback(first)
    assert HangingGateway.asked.acquire(timeout=PATIENCE)
    for otp_code in others:
        send_feedback(otp_code)
    assert [record.getMessage() for record in caplog.records] == [
        f"There is no feedback about code {short_id(otp_code.pk)}: too many wait."
        for otp_code in others[-2:]
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
def test_a_gateway_that_hangs_keeps_no_process_from_ending(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    command = [sys.executable, "-m", "tests.support.feedback_script", str(reports)]
    subprocess.run(command, check=True, timeout=30, cwd=Path(__file__).parents[2])
    # A process that was forked has a thread of its own.
    assert reports.read_text().split() == ["parent", "child"]
