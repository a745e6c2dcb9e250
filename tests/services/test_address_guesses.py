"""Strangers' wrong guesses from one address, at all numbers: in rows, and in a store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection, connections

from django_sms_otp import services
from django_sms_otp.limits.keys import FAILURES_IP
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.results import CodeRequested
from django_sms_otp.signals import limit_tripped
from django_sms_otp.testing import outbox, override_sms_otp

from ..support.counting import statements_made
from ..support.guesses import consecutive
from ..support.valkey import limits_cache, location

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBERS = [PhoneNumber(e164=f"+1415555{each}", region="US") for each in range(2671, 2690)]
HOME, CARRIER, OTHER = "203.0.113.9", "198.51.100.7", "198.51.100.8"
WRONG, LOCKED, IN = "invalid_code", "too_many_attempts", "Redeemed"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=["rows", "store"])
def limits(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Allow three guesses an hour, kept in rows or in a store."""
    rates: dict[str, Any] = {"LIMITS": {FAILURES_IP: "3/h"}}
    with ExitStack() as stack:
        if request.param == "store":
            server = request.getfixturevalue("valkey_server")
            server.client().flushall()
            stack.enter_context(limits_cache(location(server)))
            rates["LIMITS_CACHE"] = "limits"
        stack.enter_context(override_sms_otp(**rates))
        yield rates


def ask(number: PhoneNumber, ip: str | None = HOME) -> CodeRequested:
    answer = services.request_code(number, ip_address=ip)
    assert isinstance(answer, CodeRequested)
    return answer


def redeem(number: PhoneNumber, code: str, ip: str | None = CARRIER, **given: Any) -> str:
    answer: object = services.redeem_code(code, phone_number=number, ip_address=ip, **given)
    return str(getattr(answer, "reason", type(answer).__name__))


def right(number: PhoneNumber) -> str:
    return next(each.code for each in outbox if each.to == number.e164) or ""


def guess(number: PhoneNumber, ip: str | None = CARRIER) -> str:
    code = right(number)
    return redeem(number, f"{(int(code) + 1) % 10**6:06}", ip)


def ask_for_all(count: int = 6) -> None:
    for number in NUMBERS[:count]:
        ask(number)


@pytest.mark.usefixtures("limits")
def test_an_address_guesses_at_many_numbers_no_more_than_allowed(
    clock: time_machine.Traveller,
) -> None:
    ask_for_all()
    assert [guess(each) for each in NUMBERS[:5]] == [WRONG] * 3 + [LOCKED] * 2
    assert redeem(NUMBERS[4], right(NUMBERS[4])) == LOCKED, "Not even the right one."
    assert guess(NUMBERS[4], OTHER) == WRONG
    assert sum(OTPCode.objects.values_list("failed_attempts", flat=True)) == 4
    clock.shift(timedelta(minutes=61))
    ask(NUMBERS[4])
    assert redeem(NUMBERS[4], outbox[-1].code or "") == IN


@pytest.mark.usefixtures("limits")
def test_customers_behind_the_same_address_log_in() -> None:
    asked = [ask(each, CARRIER if number > 3 else HOME) for number, each in enumerate(NUMBERS)]
    assert [guess(each) for each in NUMBERS[:4]] == [WRONG] * 3 + [LOCKED]
    assert guess(NUMBERS[5]) == WRONG
    assert redeem(NUMBERS[5], right(NUMBERS[5])) == IN
    by_id: dict[str, Any] = {"request_id": asked[3].request_id}
    assert redeem(NUMBERS[3], right(NUMBERS[3]), **by_id) == IN


@pytest.mark.usefixtures("limits")
def test_right_guesses_cost_nothing() -> None:
    ask_for_all(8)
    assert {redeem(each, right(each)) for each in NUMBERS[:4]} == {IN}
    assert [guess(each) for each in NUMBERS[4:8]] == [WRONG] * 3 + [LOCKED]


@pytest.mark.usefixtures("limits")
def test_the_answer_does_not_tell_whether_there_is_a_live_code() -> None:
    ask_for_all(5)
    never_asked = NUMBERS[9]
    before = redeem(never_asked, "123456"), guess(NUMBERS[0])
    for each in NUMBERS[1:3]:
        guess(each)
    after = redeem(never_asked, "123456"), guess(NUMBERS[4])
    assert (before, after) == ((WRONG, WRONG), (LOCKED, LOCKED))
    assert redeem(never_asked, "123456", OTHER) == WRONG


@pytest.mark.usefixtures("limits")
def test_guesses_at_no_code_cost_nothing() -> None:
    assert {redeem(NUMBERS[9], "123456") for _ in range(9)} == {WRONG}
    ask(NUMBERS[0])
    assert redeem(NUMBERS[0], right(NUMBERS[0])) == IN


def test_the_last_guess_is_logged_once(
    limits: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        heard.append(kwargs)

    limit_tripped.connect(hear)
    ask_for_all()
    for each in NUMBERS[:6]:
        guess(each)
    limit_tripped.disconnect(hear)
    assert [(each["control"], each["region"]) for each in heard] == [(FAILURES_IP, "US")]
    assert HourlyCount.objects.get(event=f"refused:{FAILURES_IP}").count == 1
    lines = [each for each in caplog.records if FAILURES_IP in each.getMessage()]
    assert [each.levelno for each in lines] == [logging.WARNING]


@pytest.mark.parametrize(("mode", "counted"), [("record", 5), ("off", 0)])
def test_a_limit_that_does_not_refuse(
    limits: dict[str, Any], mode: str, counted: int, caplog: pytest.LogCaptureFixture
) -> None:
    with override_sms_otp(**limits, CONTROL_MODES={FAILURES_IP: mode}):
        ask_for_all(5)
        assert [guess(each) for each in NUMBERS[:5]] == [WRONG] * 5
    if "LIMITS_CACHE" not in limits:
        assert sum(row.uses for row in Limit.objects.filter(kind=FAILURES_IP)) == counted
    assert HourlyCount.objects.filter(event=f"recorded:{FAILURES_IP}").exists() == bool(counted)


@pytest.mark.usefixtures("limits")
def test_an_unknown_address_is_not_limited() -> None:
    ask_for_all(5)
    assert [guess(each, None) for each in NUMBERS[:5]] == [WRONG] * 5


@pytest.mark.usefixtures("limits")
def test_the_networks_of_an_ipv6_site_are_one() -> None:
    ask_for_all(5)
    networks = [f"2001:db8:1:{each}::1" for each in range(4)]
    answers = [guess(number, ip) for number, ip in zip(NUMBERS, networks, strict=False)]
    assert answers == [WRONG] * 3 + [LOCKED]
    assert guess(NUMBERS[4], "2001:db8:2::1") == WRONG


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
def test_parallel_guesses_are_evaluated_no_more_often_than_allowed(
    limits: dict[str, Any],
) -> None:
    ask_for_all(12)

    def guess_and_close(number: PhoneNumber) -> str:
        try:
            return guess(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(guess_and_close, NUMBERS[:12]))
    assert answers.count(WRONG) == 3
    assert sum(map(consecutive, (each.e164 for each in NUMBERS[:12]))) == 3


def test_logins_go_on_while_the_store_is_down(tmp_path: Path) -> None:
    ask(NUMBERS[0])
    with (
        limits_cache(f"unix://{tmp_path}/nobody.sock"),
        override_sms_otp(LIMITS_CACHE="limits"),
    ):
        assert redeem(NUMBERS[9], "123456") == WRONG
        assert guess(NUMBERS[0]) == WRONG
        assert redeem(NUMBERS[0], right(NUMBERS[0])) == IN


def test_a_guess_takes_few_statements() -> None:
    ask_for_all(3)
    made = []
    for number, ip in [*zip(NUMBERS, repeat(CARRIER, 2), strict=False), (NUMBERS[2], HOME)]:
        with statements_made() as statements:
            assert guess(number, ip) == WRONG
        made.append(len(statements))
    # The first guess of a stranger inserts the row of their address, which PostgreSQL cannot do
    # in the same statement.
    assert made == ([4, 2, 2] if connection.vendor == "postgresql" else [4, 4, 3])
