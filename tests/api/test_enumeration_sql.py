"""Numbers of every kind cost the same statements.

A statement more for those that have an account, or for those that have none, takes a time that
shows when it is measured often enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from django_sms_otp.exceptions import NotDelivered
from django_sms_otp.models import HourlyCount, Limit, VerifiedPhone
from django_sms_otp.phone import PhoneNumber, parse_phone_number
from django_sms_otp.testing import override_sms_otp

from ..support.number_kinds import KINDS, Kind, create

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
ADDRESS = "203.0.113.7"
STALE_AFTER = timedelta(days=365)
LONG_UNUSED = Kind(name="long_unused", account={}, logged_in=True)
FORERUNNER, NEIGHBOUR = map(parse_phone_number, ("+14155559998", "+14155559999"))

Act = Callable[[PhoneNumber], object]
Statements = list[str]


class DownBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("Down.")


class CheckingBackend(BaseSMSBackend):
    checks_codes = True
    asked: list[str] = []

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()

    def check_code(self, check: CodeCheck) -> bool:
        self.asked.append(check.to)
        return False


def asks(number: PhoneNumber) -> None:
    services.request_code(number, ip_address=ADDRESS)


def guesses(number: PhoneNumber) -> None:
    services.redeem_code("wrong", phone_number=number, ip_address=ADDRESS)


def guesses_well(number: PhoneNumber) -> None:
    services.redeem_code("123456", phone_number=number, ip_address=ADDRESS)


STORY: dict[str, tuple[timedelta, Act]] = {
    "guesses without a request": (timedelta(0), guesses),
    "asks": (timedelta(0), asks),
    "asks again at once": (timedelta(0), asks),
    "guesses": (timedelta(0), guesses),
    "has the same code sent again": (timedelta(seconds=31), asks),
    "guesses twice": (timedelta(0), guesses),
    "guesses three times": (timedelta(0), guesses),
    "guesses four times": (timedelta(0), guesses),
    "guesses five times": (timedelta(0), guesses),
    "is locked out": (timedelta(0), guesses),
    "has another code sent": (timedelta(minutes=3), asks),
    "uses up the quota": (timedelta(minutes=3), asks),
    "comes too late": (timedelta(minutes=11), guesses),
}
"""What a stranger does, and how long after the step before."""

CONTROLS: dict[str, dict[str, Any]] = {
    "prefix": {"LIMITS": {"prefix": "1/h"}},
    "budget": {"UNVERIFIED_BUDGET": {"country_hour": 1}},
    "breaker": {"CONVERSION_BREAKER": {"least": 1}},
}
"""Those that withhold messages from numbers that they do not know."""

UNDER_CONTROL: dict[str, dict[str, Any]] = {
    "prefix": {"LIMITS": {"prefix": "50/h"}},
    "budget": {"UNVERIFIED_BUDGET": {"country_hour": 50, "ip_hour": 50}},
    "breaker": {"CONVERSION_BREAKER": {}},
}
"""The same, on a quiet day."""

a_policy = pytest.mark.parametrize("policy", ["register", "ignore"])
a_control = pytest.mark.parametrize("control", CONTROLS)


@pytest.fixture
def clock(settings: Any) -> Iterator[time_machine.Traveller]:
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "tests.support.noting_backend.SMSBackend"}
    }
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@contextmanager
def executed() -> Iterator[Statements]:
    """Collect the statements, with placeholders for values."""
    seen: Statements = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        # MariaDB quotes names by another sign.
        seen.append(sql.replace("`", '"'))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def numbers() -> dict[str, PhoneNumber]:
    """Make a number of every kind."""
    kinds = (*KINDS, LONG_UNUSED)
    made = {kind.name: f"+1415555{at:04}" for at, kind in enumerate(kinds)}
    for kind in kinds:
        create(kind, [made[kind.name]])
    unused = VerifiedPhone.objects.filter(phone_number=made[LONG_UNUSED.name])
    unused.update(verified_at=NOW - 2 * STALE_AFTER)
    return {name: parse_phone_number(e164) for name, e164 in made.items()}


def overdraw(clock: time_machine.Traveller) -> None:
    """Have every control withhold from here on, and what many numbers share be there."""
    for _ in range(2):
        asks(NEIGHBOUR)
        clock.shift(timedelta(minutes=15))


def costs(clock: time_machine.Traveller) -> Iterator[tuple[str, dict[str, Statements]]]:
    """Play the story, and yield each step with what it cost each kind of number."""
    of_kind = numbers()
    overdraw(clock)
    for step, (wait, act) in STORY.items():
        clock.shift(wait)
        # Whoever is the first in an hour makes the row in which refusals are counted.
        act(FORERUNNER)
        cost = cost_of(act, of_kind)
        yield step, cost


def cost_of(act: Act, of_kind: dict[str, PhoneNumber]) -> dict[str, Statements]:
    cost = {}
    for kind, number in of_kind.items():
        with executed() as cost[kind]:
            act(number)
    return cost


def alike(statements: Statements) -> Statements:
    """Leave out what differs by nature: names, NULL, and whether a row is made or replaced."""
    return [_replace_all(sql) for sql in statements]


def _replace_all(sql: str) -> str:
    for pattern, by in _BY_NATURE:
        sql = pattern.sub(by, sql)
    return sql


_BY_NATURE = (
    (re.compile(r'"?s\d+_x\d+"?$'), "name"),
    (re.compile(r"(?<!IS )(?<!NOT )\bNULL\b"), "%s"),
    (re.compile(rf'^(INSERT INTO|UPDATE) "?{Limit._meta.db_table}"? .*'), "WRITE a row"),
)


def without_counts(statements: Statements) -> Statements:
    counted = re.compile(rf'(INSERT INTO|UPDATE) ["`]?{HourlyCount._meta.db_table}\b')
    return [sql for sql in statements if not counted.match(sql)]


@a_policy
@pytest.mark.parametrize("delivery", ["immediate", "tasks"])
def test_every_step_costs_every_kind_the_same(
    clock: time_machine.Traveller, policy: str, delivery: str
) -> None:
    keys = {"UNKNOWN_NUMBERS": policy, "DELIVERY": delivery, "STALE_AFTER": STALE_AFTER}
    with override_sms_otp(**keys):
        for step, cost in costs(clock):
            for kind, statements in cost.items():
                assert alike(statements) == alike(cost["unknown"]), (step, kind)


@a_policy
@a_control
def test_a_withheld_message_costs_what_a_sent_one_does_but_for_a_count(
    clock: time_machine.Traveller, control: str, policy: str
) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS=policy, **CONTROLS[control]):
        for step, cost in costs(clock):
            bare = {kind: alike(without_counts(cost[kind])) for kind in cost}
            for kind, statements in bare.items():
                assert statements == bare["unknown"], (step, kind)


@pytest.mark.parametrize(
    "delivery",
    [
        pytest.param(
            "immediate",
            marks=pytest.mark.xfail(
                strict=True, reason="A withheld message is counted while its caller waits."
            ),
        ),
        "tasks",
    ],
)
@a_policy
@a_control
def test_a_withheld_message_costs_what_a_sent_one_does(
    clock: time_machine.Traveller, control: str, policy: str, delivery: str
) -> None:
    keys = {"UNKNOWN_NUMBERS": policy, "DELIVERY": delivery, **CONTROLS[control]}
    with override_sms_otp(**keys):
        for step, cost in costs(clock):
            for kind, statements in cost.items():
                assert len(statements) == len(cost["unknown"]), (step, kind)


@a_control
def test_a_message_that_did_not_leave_costs_every_kind_the_same(
    clock: time_machine.Traveller, settings: Any, control: str
) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.DownBackend"}}
    with override_sms_otp(**UNDER_CONTROL[control]):
        of_kind = numbers()
        for _ in range(2):
            asks(FORERUNNER)
            cost = cost_of(asks, of_kind)
    for kind, statements in cost.items():
        assert alike(statements) == alike(cost["unknown"]), kind


@a_policy
def test_a_guess_that_a_gateway_checks_costs_every_kind_the_same(
    clock: time_machine.Traveller, settings: Any, policy: str
) -> None:
    """Unknown numbers too, to whom nothing was sent: the gateway is asked all the same."""
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.CheckingBackend"}}
    with override_sms_otp(UNKNOWN_NUMBERS=policy):
        of_kind = numbers()
        cost_of(asks, of_kind)
        CheckingBackend.asked.clear()
        cost = cost_of(guesses_well, of_kind)
    for kind, statements in cost.items():
        assert alike(statements) == alike(cost["unknown"]), kind
    assert sorted(CheckingBackend.asked) == sorted(number.e164 for number in of_kind.values())


@pytest.mark.parametrize("keys", [{"UNKNOWN_NUMBERS": "ignore"}, *CONTROLS.values()])
def test_nobody_is_looked_up_for_who_is_refused(
    clock: time_machine.Traveller, keys: dict[str, Any]
) -> None:
    """Whoever is refused may ask again and again, and measure what was looked up."""
    with override_sms_otp(**keys):
        told = dict(costs(clock))
    looked_up = {step for step in told if VerifiedPhone._meta.db_table in str(told[step])}
    assert looked_up == {"asks", "has the same code sent again", "has another code sent"}


def test_a_number_that_was_never_seen_has_its_row_made(clock: time_machine.Traveller) -> None:
    """The one difference that there is: it tells who was asked for lately, not who has an
    account. A purge makes strangers of both."""
    told = dict(costs(clock))["asks"]
    rows = {kind: _verbs_on(Limit._meta.db_table, told[kind]) for kind in told}
    for kind in KINDS:
        assert rows[kind.name] == (["UPDATE", "UPDATE"] if kind.seen else ["INSERT", "UPDATE"])


def _verbs_on(table: str, statements: Statements) -> list[str]:
    writes = re.compile(rf'(INSERT INTO|UPDATE) "?{table}"? ')
    return [sql.split()[0] for sql in statements if writes.match(sql)]
