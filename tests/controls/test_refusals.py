"""What a refused request leaves behind: a count of the hour, and a note with its number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client, override_settings

from django_sms_otp.limits.refusals import Refusal, Refusals
from django_sms_otp.models import HourlyCount, Limit, LimitKind
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.counting import statements_made

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())

Ask = Callable[..., int]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ask(client: Client) -> Ask:
    def ask(phone_number: str = PHONE) -> int:
        body = {"phone_number": phone_number}
        answer = client.post("/auth/sms/get-code/", body, content_type="application/json")
        return int(answer.status_code)

    return ask


def note(phone_number: str = PHONE) -> Refusal | None:
    row = Limit.objects.filter(kind=LimitKind.NUMBER, subject=phone_number).first()
    return Refusals.from_json(row.refusals).last if row else None


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [each for each in caplog.records if each.name == "django_sms_otp"]
    return [each.getMessage() for each in ours if each.levelname == "WARNING"]


def test_the_number_knows_which_limit_refused_it_last(
    ask: Ask, clock: time_machine.Traveller
) -> None:
    ask()
    assert note() is None
    ask()
    assert note() == Refusal("cooldown", NOW, NOW + 30)
    with override_sms_otp(COOLDOWN=[]):
        assert [ask(), ask()] == [202, 202]
        clock.shift(timedelta(minutes=3))
        assert ask() == 429
    assert note() == Refusal("phone_ip", NOW + 180, NOW + 3600)


def test_a_flood_writes_one_note_an_hour_and_costs_two_statements(
    ask: Ask, clock: time_machine.Traveller
) -> None:
    ask()
    with statements_made() as made:
        assert ask() == 429
    assert len(made) <= 3
    clock.shift(timedelta(seconds=5))
    with statements_made() as made:
        assert ask() == 429
    assert len(made) == 2
    assert note() == Refusal("cooldown", NOW, NOW + 30)
    assert HourlyCount.objects.get().count == 2


@pytest.mark.parametrize(
    ("policy", "control", "lifted"),
    [
        ({}, "cooldown", {"COOLDOWN": []}),
        (
            {"COOLDOWN": [], "LIMITS": {"phone_ip": "1/h"}},
            "phone_ip",
            {"CONTROL_MODES": {"phone_ip": "off"}},
        ),
    ],
)
def test_a_developer_is_told_how_to_go_on(
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
    policy: dict[str, Any],
    control: str,
    lifted: dict[str, Any],
) -> None:
    with override_settings(DEBUG=True), override_sms_otp(**policy):
        assert [ask(), ask()] == [202, 429]
    [[name, value]] = lifted.items()
    hint = f'on this machine you may set SMS_OTP["{name}"] = {json.dumps(value)}.'
    assert warnings(caplog) == [
        f"Refused a code for +1********71: {control}. DEBUG is on: {hint}"
    ]
    with override_sms_otp(**{**policy, **lifted}):
        assert ask() == 202


def test_a_server_warns_of_no_single_number(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    assert [ask(), ask()] == [202, 429]
    assert warnings(caplog) == []


@override_sms_otp(COOLDOWN=[], LIMITS={"phone": "1/d"})
def test_a_refusal_that_lasts_is_noted_anew_each_hour(
    ask: Ask, clock: time_machine.Traveller
) -> None:
    ask()
    for hours in (1, 2):
        clock.shift(timedelta(hours=1))
        ask()
        assert note() == Refusal("phone", NOW + hours * 3600, NOW + 86400)


@override_sms_otp(COOLDOWN=[], LIMITS={"site": "1/h"})
def test_a_shared_limit_is_noted_with_numbers_that_were_sent_to_today(
    ask: Ask, clock: time_machine.Traveller
) -> None:
    """Of other numbers the time of a refusal would tell which of them have a row."""
    ask("+14155552672")
    clock.shift(timedelta(hours=2))
    ask()
    ask()
    known = note()
    assert known is not None
    assert known.control == "site"
    clock.shift(timedelta(hours=25))
    ask("+14155552673")
    with statements_made() as with_row:
        assert ask("+14155552672") == 429
    with statements_made() as without_row:
        assert ask("+14155552674") == 429
    assert note("+14155552672") is None
    assert with_row == without_row


@pytest.mark.parametrize("returns", [True, False])
def test_an_hour_is_counted_on_databases_that_return_nothing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, returns: bool
) -> None:
    features = connection.features
    if connection.vendor == "postgresql" and not returns:
        pytest.skip("PostgreSQL always returns them")
    if returns and not features.can_return_columns_from_insert:
        pytest.skip("the database returns nothing of an inserted row")
    monkeypatch.setattr(features, "can_return_columns_from_insert", returns)
    for _ in range(4):
        ask()
    counted = HourlyCount.objects.get()
    assert (counted.event, counted.region, counted.count) == ("refused:cooldown", "US", 3)
    assert counted.hour == NOON
