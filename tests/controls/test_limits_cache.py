"""Limits in Valkey, through the whole story: the answers are those of rows, failures closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from django_sms_otp import testing
from django_sms_otp.db import NumberRow
from django_sms_otp.db.writes import LostRace
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.factories import VerifiedPhoneFactory
from ..support.valkey import limits_cache, location

pytestmark = pytest.mark.django_db(transaction=True)

NEIGHBOURS = [f"+1415555{number}" for number in range(2671, 2700)]
SENT, FULL = (202, ""), (429, "quota_exceeded")


@pytest.fixture(autouse=True)
def empty_store(valkey_server: Any) -> Iterator[None]:
    valkey_server.client().flushall()
    with limits_cache(location(valkey_server)), override_sms_otp(LIMITS_CACHE="limits"):
        yield


def ask(client: Client, phone_number: str, ip: str = "203.0.113.9") -> tuple[int, str]:
    body = {"phone_number": phone_number}
    response = client.post("/auth/sms/get-code/", body, "application/json", REMOTE_ADDR=ip)
    return response.status_code, body_of(response).get("code", "")


def limits(**rates: str | None) -> Any:
    return override_sms_otp(LIMITS_CACHE="limits", LIMITS=rates)


def test_an_address_reaches_no_more_numbers_than_allowed(client: Client) -> None:
    with limits(ip="3/h"):
        answers = [ask(client, phone) for phone in NEIGHBOURS[:5]]
    assert answers == [SENT, SENT, SENT, FULL, FULL]
    assert [row.subject for row in Limit.objects.order_by("subject")] == NEIGHBOURS[:3]


def test_no_address_is_in_the_database(client: Client) -> None:
    """Rows of one transaction tell which address has asked for which number."""
    assert ask(client, PHONE) == SENT
    body = {"phone_number": PHONE, "code": last_code()}
    path, ip = "/auth/sms/auth-code/", "203.0.113.9"
    answer = client.post(path, body, "application/json", REMOTE_ADDR=ip)
    assert answer.status_code == 200
    rows = [*Limit.objects.values(), *OTPCode.objects.values()]
    assert {row.kind for row in Limit.objects.all()} == {"number"}
    assert "203.0.113" not in repr(rows)


def test_a_refused_request_uses_up_nothing(client: Client) -> None:
    with limits(ip="2/h", country="5/h"):
        assert [ask(client, PHONE)[1] for _ in range(4)] == ["", *["cooldown"] * 3]
        assert ask(client, NEIGHBOURS[1]) == SENT
        assert [ask(client, phone) for phone in NEIGHBOURS[2:6]] == [FULL] * 4
        others = [ask(client, phone, "203.0.113.10") for phone in NEIGHBOURS[6:9]]
    assert others == [SENT, SENT, FULL]  # By its own address, not by the country.


def test_a_full_prefix_withholds_and_counts_for_the_address_alone(client: Client) -> None:
    with limits(prefix="1/h", ip="3/h", country="2/h"):
        answers = [ask(client, phone) for phone in NEIGHBOURS[:4]]
        assert answers == [SENT, SENT, SENT, FULL]
        assert [message.to for message in testing.outbox] == NEIGHBOURS[:1]
        # One of the country's two is left.
        assert ask(client, "+12125550123", "203.0.113.10") == SENT
    assert len(testing.outbox) == 2


def test_what_another_control_withholds_does_not_count_for_the_country(client: Client) -> None:
    budget = {"country_hour": 1}
    with (
        limits(country="2/h", ip="9/h"),
        override_sms_otp(UNVERIFIED_BUDGET=budget),
    ):
        assert [ask(client, phone) for phone in NEIGHBOURS[:5]] == [SENT] * 5
        assert len(testing.outbox) == 1
        VerifiedPhoneFactory.create(phone_number=NEIGHBOURS[9])
        assert ask(client, NEIGHBOURS[9]) == SENT
        assert len(testing.outbox) == 2
        assert ask(client, "+14165550123") == SENT


def test_a_round_that_is_lost_counts_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = NumberRow.replace
    lost: list[int] = []

    def lose_once(row: NumberRow, *args: Any, **options: Any) -> Any:
        if not lost:
            lost.append(1)
            raise LostRace
        return write(row, *args, **options)

    monkeypatch.setattr(NumberRow, "replace", lose_once)
    with limits(ip="2/h"):
        assert [ask(client, phone) for phone in NEIGHBOURS[:3]] == [SENT, SENT, FULL]


def test_an_error_after_the_count_gives_it_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(row: NumberRow, *args: Any, **options: Any) -> Any:
        raise RuntimeError

    with limits(ip="1/h"):
        with monkeypatch.context() as patch:
            patch.setattr(NumberRow, "replace", fail)
            with pytest.raises(RuntimeError):
                ask(client, NEIGHBOURS[0])
        assert [ask(client, phone) for phone in NEIGHBOURS[:2]] == [SENT, FULL]


def test_without_a_limit_the_store_is_not_asked(client: Client, tmp_path: Path) -> None:
    with limits_cache(f"unix://{tmp_path}/nobody.sock"), limits(ip=None):
        assert ask(client, PHONE) == SENT


def test_the_store_is_asked_as_often_for_a_message_that_is_withheld(
    client: Client, valkey_server: Any
) -> None:
    def asked(phone_number: str) -> int:
        before = valkey_server.client().info("commandstats")["cmdstat_evalsha"]["calls"]
        assert ask(client, phone_number) == SENT
        after = valkey_server.client().info("commandstats")["cmdstat_evalsha"]["calls"]
        return int(after - before)

    VerifiedPhoneFactory.create(phone_number=NEIGHBOURS[9])
    with limits(prefix="1/h"):
        ask(client, NEIGHBOURS[0])
        assert [asked(NEIGHBOURS[1]), asked(NEIGHBOURS[9])] == [2, 2]
        assert len(testing.outbox) == 2


def test_where_the_store_is_down_nothing_is_sent_and_logins_go_on(
    client: Client, auth_code: Post, tmp_path: Path
) -> None:
    assert ask(client, PHONE) == SENT
    with limits_cache(f"unix://{tmp_path}/nobody.sock"):
        response = client.post(
            "/auth/sms/get-code/", {"phone_number": NEIGHBOURS[1]}, "application/json"
        )
        assert (response.status_code, body_of(response)["code"]) == (503, "unavailable")
        assert response.headers["Retry-After"] == "30"
        assert len(testing.outbox) == OTPCode.objects.count() == 1
        assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    assert ask(client, NEIGHBOURS[1]) == SENT
