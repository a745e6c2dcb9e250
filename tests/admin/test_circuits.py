"""Circuits in the list of limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_sms_otp import circuits
from django_sms_otp.admin.handles import handle_of
from django_sms_otp.circuit_state import Policy
from django_sms_otp.models import Limit

from .staff import limit, page, staff

LIST = "/admin/django_sms_otp/limit/"
KEY = "circuit:first"
DETAIL = f"{LIST}{handle_of(KEY)}/change/"
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
POLICY = Policy(failures=2)

pytestmark = pytest.mark.django_db


def fail(times: int) -> None:
    for _ in range(times):
        circuits.note_failure("first", POLICY)


def test_an_open_circuit_says_until_when() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = staff("view_limit")
        fail(2)
        for address in (LIST, DETAIL):
            shown = page(client, address)
            assert "sms-otp-badge-open" in shown
            assert "2 failures in a row" in shown
            assert "passed over for 30 s" in shown
        clock.shift(timedelta(seconds=30))
        assert "the next message tries it" in page(client, LIST)
        circuits.claim_probe("first")
        assert "a message is trying it" in page(client, LIST)


def test_a_closed_circuit_has_no_badge() -> None:
    fail(1)
    client = staff("view_limit")
    assert "1 failure in a row" in page(client, LIST)
    circuits.close("first")
    shown = page(client, LIST)
    assert "works" in shown
    assert "sms-otp-badge-open" not in shown


def test_circuits_are_found_by_key_and_by_kind() -> None:
    fail(1)
    for key in ("country:JM", "circuit:other"):
        limit(key)
    client = staff("view_limit")
    found = page(client, LIST, q=KEY)
    assert "circuit:first</a>" in found
    assert "circuit:other" not in found
    by_kind = page(client, LIST, kind="circuit")
    assert "circuit:first" in by_kind
    assert "circuit:other" in by_kind
    assert "country:JM</a>" not in by_kind


def test_a_list_of_circuits_asks_nothing_for_each() -> None:
    client = staff("view_limit")
    limit("circuit:0")
    with CaptureQueriesContext(connection) as few:
        page(client, LIST)
    for number in range(1, 10):
        limit(f"circuit:{number}")
    with CaptureQueriesContext(connection) as many:
        page(client, LIST)
    assert len(many) == len(few)


def test_staff_with_the_permission_close_a_circuit() -> None:
    fail(2)
    fields = {"action": "forget", "_selected_action": [handle_of(KEY)]}
    assert Limit.objects.get(key=KEY).state
    staff("view_limit", "unlock_limit").post(LIST, fields)
    assert Limit.objects.get(key=KEY).state == {}


def test_staff_without_the_permission_do_not() -> None:
    fail(2)
    fields = {"action": "forget", "_selected_action": [handle_of(KEY)]}
    staff("view_limit").post(LIST, fields)
    assert Limit.objects.get(key=KEY).state != {}
