"""Every interleaving of guesses that a gateway checks: see ``test_interleavings``.

A guess has two transactions here, and the gateway between them. So two calls may end as no
order of whole calls would: what must hold is said outright.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection

from django_sms_otp.exceptions import Unavailable
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.services import redeem_code, request_code

from ..support.interleaving.caller import Call, Wrapper
from ..support.interleaving.gateway import BUSY, RIGHT, WRONG
from ..support.interleaving.orders import Order, Violation, explore
from ..support.interleaving.scenarios import NOW, PHONE, invalidate, request
from ..support.interleaving.scene import scene
from ..support.interleaving.scheduler import Scheduler
from ..support.interleaving.weakened import ignoring
from .test_interleavings import one_by_one  # noqa: F401 (a fixture)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only PostgreSQL tells which statement waits for which",
    ),
]

NO_VERSION = ignoring(Limit, "version")
NO_CODE_STATE = ignoring(OTPCode, "redeemed_at", "superseded_at", "failed_attempts")

PREEMPTIONS = 2
"""A guess has twice the steps here: without a bound the orders take half an hour."""

Check = Callable[[Order], None]


@pytest.fixture(autouse=True)
def a_gateway_checks(settings: Any) -> Iterator[None]:
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "tests.support.interleaving.gateway.SMSBackend"}
    }
    with time_machine.travel(NOW, tick=False):
        yield


def right() -> object:
    return redeem_code(RIGHT, phone_number=PHONE)


def wrong() -> object:
    return redeem_code(WRONG, phone_number=PHONE)


def unlooked() -> object:
    try:
        return redeem_code(BUSY, phone_number=PHONE)
    except Unavailable:
        return None


def every_order(calls: Sequence[Call], check: Check, *wrappers: Wrapper) -> None:
    with scene() as before, Scheduler(len(calls), wrappers) as scheduler:
        count = explore(
            scheduler, calls, restore=before.restore, check=check, preemptions=PREEMPTIONS
        )
    print(count)
    assert count.orders > 1


def sent() -> None:
    with time_machine.travel(NOW.replace(hour=11, minute=59), tick=False):
        assert isinstance(request_code(PHONE), CodeRequested)


def consecutive() -> int:
    state = Limit.objects.get(subject=PHONE.e164).state
    return int(state.get("guesses", {}).get("consecutive", 0))


def assert_no_more_logins_than_codes(order: Order) -> None:
    errors = [outcome for outcome in order.outcomes if isinstance(outcome, BaseException)]
    assert not errors, f"a call raised {errors[0]!r}"
    redeemed = [each for each in order.outcomes if isinstance(each, Redeemed)]
    rows = list(OTPCode.objects.exclude(redeemed_at=None))
    assert len(redeemed) == len(rows) == User.objects.count() <= 1, "redeemed twice"
    assert not [row for row in rows if row.superseded_at], "a superseded code was redeemed"


def refused(order: Order) -> int:
    return sum(getattr(each, "reason", "") == "invalid_code" for each in order.outcomes)


@pytest.mark.parametrize("calls", [[right] * 2, [right] * 3], ids=["two", "three"])
def test_one_right_guess_logs_in(calls: list[Call]) -> None:
    def check(order: Order) -> None:
        assert_no_more_logins_than_codes(order)
        assert User.objects.count() == 1
        assert OTPCode.objects.get().failed_attempts <= refused(order)

    sent()
    every_order(calls, check)


def test_a_wrong_guess_beside_a_right_one_is_counted_once() -> None:
    def check(order: Order) -> None:
        assert_no_more_logins_than_codes(order)
        assert User.objects.count() == 1
        assert OTPCode.objects.get().failed_attempts <= 1
        assert consecutive() == 0, "a success clears what was counted before it"

    sent()
    every_order([right, wrong], check)


def test_wrong_guesses_are_all_counted() -> None:
    def check(order: Order) -> None:
        assert OTPCode.objects.get().failed_attempts == consecutive() == 2, "not counted"

    sent()
    every_order([wrong] * 2, check)


@pytest.mark.parametrize(("other", "counted"), [(unlooked, 0), (wrong, 1)])
def test_what_nobody_looked_at_is_given_back_once(other: Call, counted: int) -> None:
    def check(order: Order) -> None:
        assert OTPCode.objects.get().failed_attempts == consecutive() == counted, "miscounted"

    sent()
    every_order([unlooked, other], check)


@pytest.mark.parametrize("other", [unlooked, request, invalidate])
def test_a_login_survives_whatever_comes_between(other: Call) -> None:
    sent()
    every_order([right, other], assert_no_more_logins_than_codes)


def test_without_its_guards_an_order_is_found_that_logs_in_twice() -> None:
    sent()
    with pytest.raises(Violation, match="redeemed twice"):
        every_order([right] * 2, assert_no_more_logins_than_codes, NO_VERSION, NO_CODE_STATE)


def test_without_its_guard_an_order_is_found_that_forgets_a_guess() -> None:
    def check(order: Order) -> None:
        assert OTPCode.objects.get().failed_attempts == consecutive() == 2, "not counted"

    sent()
    with pytest.raises(Violation, match="not counted"):
        every_order([wrong] * 2, check, NO_VERSION, NO_CODE_STATE)
