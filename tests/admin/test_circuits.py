"""Circuits in the list of limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.backends.composite import circuits
from django_sms_otp.backends.composite.circuit_state import CircuitPolicy
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit

from .staff import LIMITS, limit, limit_page, page, row_of, staff

KEY = "circuit:first"
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
POLICY = CircuitPolicy(failures=2)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> None:
    backend = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
    settings.SMS_OTP_BACKENDS = dict.fromkeys(("default", "first", "closed"), backend)


def fail(times: int) -> None:
    for _ in range(times):
        circuits.note_failure("first", POLICY)


def names(shown: str) -> list[str]:
    return re.findall(r'class="field-name"><a href="[^"]*">([^<]*)</a>', shown)


def act(client: Client, key: str, action: str = "close") -> str:
    fields = {"action": action, "_selected_action": [str(row_of(key).pk)]}
    answer: Any = client.post(LIMITS, fields, follow=True)
    return str(answer.content.decode())


def test_an_open_circuit_says_until_when() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = staff("view_limit")
        fail(2)
        for address in (LIMITS, limit_page(row_of(KEY))):
            shown = page(client, address)
            assert "sms-otp-badge-open" in shown
            assert "2 failures in a row" in shown
            assert "skipped for 30 s" in shown
        clock.shift(timedelta(seconds=30))
        assert "tried by the next message" in page(client, LIMITS)
        circuits.claim_probe("first")
        assert "being tried by a message" in page(client, LIMITS)


def test_a_closed_circuit_has_no_badge() -> None:
    fail(1)
    client = staff("view_limit")
    assert "1 failure in a row" in page(client, LIMITS)
    circuits.close("first")
    shown = page(client, LIMITS)
    assert "works" in shown
    assert "sms-otp-badge-open" not in shown


def test_circuits_are_found_by_key_and_by_kind() -> None:
    fail(1)
    for key in ("country:JM", "circuit:other"):
        limit(key)
    client = staff("view_limit")
    found = page(client, LIMITS, q=KEY)
    assert "circuit:first</a>" in found
    assert "circuit:other" not in found
    by_kind = page(client, LIMITS, kind__exact="circuit")
    assert "circuit:first" in by_kind
    assert "circuit:other" in by_kind
    assert "country:JM</a>" not in by_kind


def test_a_list_of_circuits_asks_nothing_for_each() -> None:
    client = staff("view_limit")
    limit("circuit:0")
    with CaptureQueriesContext(connection) as few:
        page(client, LIMITS)
    for number in range(1, 10):
        limit(f"circuit:{number}")
    with CaptureQueriesContext(connection) as many:
        page(client, LIMITS)
    assert len(many) == len(few)


def test_open_circuits_are_on_top_and_once() -> None:
    fail(2)
    now = timezone.now()
    Limit.objects.update(updated_at=now - timedelta(hours=3))
    limit("circuit:closed", updated_at=now)
    limit("+14155552671", updated_at=now, is_kept=True)
    client = staff("view_limit")
    assert names(page(client, LIMITS)) == [KEY, "+1********71", "circuit:closed"]
    assert names(page(client, LIMITS, kind__exact="circuit")) == [KEY, "circuit:closed"]
    assert names(page(client, LIMITS, kind__exact="number")) == ["+1********71"]


def test_an_open_circuit_is_on_top_of_the_first_page_alone() -> None:
    fail(2)
    Limit.objects.update(updated_at=timezone.now() - timedelta(hours=3))
    for number in range(110):
        limit(f"ip:203.0.113.{number}")
    client = staff("view_limit")
    assert names(page(client, LIMITS))[0] == KEY
    assert names(page(client, LIMITS, p="2"))[0] != KEY


def test_staff_with_the_permission_close_a_circuit() -> None:
    fail(2)
    shown = act(staff("view_limit", "unlock_limit"), KEY)
    assert "The circuit of “first” is closed." in shown
    assert row_of(KEY).state == {}
    assert LogEntry.objects.get().change_message == "Closed the circuit."


def test_staff_without_the_permission_do_not() -> None:
    fail(2)
    act(staff("view_limit"), KEY)
    assert row_of(KEY).state != {}


def test_a_circuit_that_is_closed_already_is_left_alone() -> None:
    limit(KEY)
    shown = act(staff("view_limit", "unlock_limit"), KEY)
    assert "first was left as it is." in shown
    assert "is closed" not in shown
    assert not LogEntry.objects.exists()


def test_what_is_no_circuit_is_not_closed() -> None:
    counted = limit("site", SharedCounters().with_sent(1e9))
    shown = act(staff("view_limit", "unlock_limit"), "site")
    assert "Only backends have circuits that can be closed." in shown
    assert Limit.objects.get().version == counted.version


@pytest.mark.parametrize("action", ["forget", "unlock"])
def test_a_circuit_is_closed_by_its_own_action_alone(action: str) -> None:
    fail(2)
    shown = act(staff("view_limit", "unlock_limit"), KEY, action)
    assert ("other actions" if action == "forget" else "Only phone numbers") in shown
    assert row_of(KEY).state != {}
