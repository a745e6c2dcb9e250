"""A number that opens an account passes the fraud controls, while its messages get redeemed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model

from django_sms_otp import services
from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, last_code
from ..support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)

BY_ROW = {"USER_RESOLVER": "django_sms_otp.auth.users.VerifiedPhoneResolver"}
BY_FIELD = {
    "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
    "USER_PHONE_FIELD": get_user_model().USERNAME_FIELD,
}
PREFIX = {"LIMITS": {"prefix": "1/30d", "phone": "100/d"}}
BUDGET = {
    "LIMITS": {"phone": "100/d"},
    "UNVERIFIED_BUDGET": {"country_hour": 1, "country_day": 1},
}
"""Either lets one stranger pass."""


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=[BY_ROW, BY_FIELD], ids=["verified phone", "field"])
def customer(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_sms_otp(**request.param):
        if request.param is BY_FIELD:
            UserFactory.create(username=PHONE)
        else:
            VerifiedPhoneFactory.create(phone_number=PHONE)
        yield


def use_up() -> None:
    """Have a stranger of the same prefix and country use up what strangers may have."""
    assert isinstance(services.request_code(parse_phone_number("+14155552672")), CodeRequested)
    outbox.clear()


def asks(clock: time_machine.Traveller, times: int) -> int:
    """Ask now and then; return how many messages left."""
    before = len(outbox)
    for _ in range(times):
        clock.shift(timedelta(minutes=31))
        assert isinstance(services.request_code(NUMBER), CodeRequested)
    return len(outbox) - before


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize("settings", [PREFIX, BUDGET], ids=["prefix", "budget"])
def test_the_sixth_message_that_nobody_redeems_is_that_of_a_stranger(
    clock: time_machine.Traveller, settings: dict[str, Any]
) -> None:
    with override_sms_otp(**settings):
        use_up()
        assert asks(clock, 8) == 5
        assert not OTPCode.objects.filter(phone_number=PHONE).latest("created_at").exempt


@pytest.mark.usefixtures("customer")
@override_sms_otp(**PREFIX)
def test_a_login_brings_the_trust_back(clock: time_machine.Traveller) -> None:
    use_up()
    assert asks(clock, 4) == 4
    assert isinstance(services.redeem_code(last_code(), phone_number=NUMBER), Redeemed)
    assert asks(clock, 6) == 5


@pytest.mark.usefixtures("customer")
@override_sms_otp(**PREFIX)
def test_who_waits_a_day_is_not_trusted_anew(clock: time_machine.Traveller) -> None:
    use_up()
    assert asks(clock, 5) == 5
    clock.shift(timedelta(days=20))
    assert asks(clock, 1) == 0


def test_a_message_that_was_not_sent_costs_no_trust() -> None:
    state = NumberState()
    for minute in range(5):
        at = (NOON + timedelta(minutes=minute)).timestamp()
        state = state.with_send(Send(at), memory=timedelta(days=1))
    assert not state.gets_redeemed
    given_back = state.without_send(NOON)
    assert given_back.gets_redeemed
    assert given_back.without_send(NOON) == given_back
    assert NumberState.from_json(state.to_json()) == state
