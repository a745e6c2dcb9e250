"""Quotas over HTTP: of a number, an address, a prefix, a country, the site."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import NotDelivered
from django_sms_otp.models import DeliveryState, HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import RequestRefused
from django_sms_otp.signals import limit_tripped
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.counting import statements_made
from ..support.factories import VerifiedPhoneFactory
from ..support.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NEIGHBOURS = [f"+1415555{number}" for number in range(2671, 2700)]
no_cooldown = override_sms_otp(COOLDOWN=[])


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ask(client: Client) -> Any:
    """Ask for a code from an address; return the status, and the error's code."""

    def ask(phone_number: str = PHONE, ip: str = "203.0.113.9", **body: Any) -> tuple[int, str]:
        response = client.post(
            "/auth/sms/get-code/",
            {"phone_number": phone_number, **body},
            "application/json",
            REMOTE_ADDR=ip,
        )
        ask.retry_after = int(response.headers.get("Retry-After", 0))  # type: ignore[attr-defined]
        return response.status_code, body_of(response).get("code", "")

    return ask


SENT, FULL = (202, ""), (429, "quota_exceeded")


# A number


@no_cooldown
def test_a_number_gets_five_messages_in_any_hour(
    ask: Any, clock: time_machine.Traveller
) -> None:
    for minute in range(5):
        clock.move_to(NOON + timedelta(minutes=10 * minute))
        assert ask(ip=f"203.0.113.{minute}") == SENT
    clock.move_to(NOON + timedelta(minutes=59))
    assert ask(ip="203.0.113.77") == FULL
    assert ask.retry_after == 60
    clock.move_to(NOON + timedelta(minutes=60))
    assert ask(ip="203.0.113.77") == SENT
    assert ask(ip="203.0.113.78") == FULL


@no_cooldown
def test_a_number_gets_ten_messages_in_any_day(ask: Any, clock: time_machine.Traveller) -> None:
    for hour in range(10):
        clock.move_to(NOON + timedelta(hours=2 * hour))
        assert ask(ip=f"203.0.113.{hour}") == SENT
    clock.shift(timedelta(hours=2))
    assert ask(ip="203.0.113.77") == FULL
    assert ask.retry_after == 4 * 3600


@no_cooldown
def test_one_address_cannot_spend_a_numbers_quota(ask: Any) -> None:
    assert [ask() for _ in range(4)] == [SENT, SENT, SENT, FULL]
    assert [ask(ip="203.0.113.10") for _ in range(3)] == [SENT, SENT, FULL]


@no_cooldown
@override_sms_otp(LIMITS={"phone": "2/h", "phone_ip": None})
def test_a_login_gives_no_quota_back(ask: Any, auth_code: Post) -> None:
    assert ask() == SENT
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    assert [ask(), ask()] == [SENT, FULL]


@override_sms_otp(LIMITS={"phone": "1/h"})
def test_a_refused_request_uses_up_nothing(ask: Any, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        ask()
        clock.shift(timedelta(minutes=29))
    assert ask() == SENT
    assert ask.retry_after == 0


class Down(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("Down.")


@no_cooldown
@override_sms_otp(LIMITS={"phone": "1/h", "ip": "3/h"})
@override_settings(SMS_OTP_BACKENDS={"default": {"BACKEND": f"{__name__}.Down"}})
def test_an_address_is_not_given_back_what_was_not_sent(ask: Any) -> None:
    assert [ask()[1] for _ in range(4)] == ["delivery_failed"] * 3 + ["quota_exceeded"]


# What numbers share


@override_sms_otp(LIMITS={"ip": "3/h"})
def test_an_address_reaches_no_more_numbers_than_allowed(
    ask: Any, clock: time_machine.Traveller
) -> None:
    answers = [ask(phone) for phone in NEIGHBOURS[:5]]
    assert answers == [SENT, SENT, SENT, FULL, FULL]
    assert ask(NEIGHBOURS[6], ip="203.0.113.10") == SENT
    clock.shift(timedelta(hours=1, minutes=1))
    assert ask(NEIGHBOURS[5]) == SENT


@override_sms_otp(LIMITS={"ip": "2/h"})
def test_the_addresses_of_an_ipv6_subscriber_are_one(ask: Any) -> None:
    addresses = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:1::3"]
    answers = [ask(phone, ip=ip) for phone, ip in zip(NEIGHBOURS, addresses, strict=False)]
    assert answers == [SENT, SENT, FULL]
    assert ask(NEIGHBOURS[5], ip="2001:db8:0:2::1") == SENT


@override_sms_otp(LIMITS={"ip": "2/h", "ip_56": "3/h", "ip_48": "5/h"})
def test_whoever_has_many_networks_shares_their_wider_limits(
    ask: Any,
) -> None:
    networks = [0x100, 0x100, 0x101, 0x102, 0x200, 0x200, 0x300]
    callers = zip(NEIGHBOURS, networks, strict=False)
    answers = [ask(phone, ip=f"2001:db8:0:{network:x}::1") for phone, network in callers]
    # The second network of its /56 was the last, and the fifth of the /48.
    assert answers == [SENT, SENT, SENT, FULL, SENT, SENT, FULL]
    refused = HourlyCount.objects.filter(event__startswith="refused:")
    assert set(refused.values_list("event", flat=True)) == {"refused:ip_56", "refused:ip_48"}
    assert ask(NEIGHBOURS[8], ip="2001:db8:1::1") == SENT


@no_cooldown
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1"])
def test_wider_networks_cost_a_known_caller_no_statement_on_postgresql(
    ask: Any, address: str
) -> None:
    ask(ip=address)
    with statements_made() as made:
        assert ask(ip=address) == SENT
    if connection.vendor == "postgresql":
        assert len(made) == 3


@override_sms_otp(LIMITS={"ip": "2/h"})
def test_clients_behind_a_translator_have_limits_of_their_own(ask: Any) -> None:
    addresses = [f"64:ff9b::203.0.113.{number}" for number in (1, 1, 1, 2)]
    answers = [ask(phone, ip=ip) for phone, ip in zip(NEIGHBOURS, addresses, strict=False)]
    assert answers == [SENT, SENT, FULL, SENT]


@override_sms_otp(LIMITS={"ip": "2/h"})
def test_the_networks_of_one_6to4_address_are_one(ask: Any) -> None:
    addresses = [f"2002:cb00:7109:{number}::1" for number in range(3)]
    answers = [ask(phone, ip=ip) for phone, ip in zip(NEIGHBOURS, addresses, strict=False)]
    assert answers == [SENT, SENT, FULL]
    assert ask(NEIGHBOURS[5]) == FULL  # The IPv4 address itself.


@override_sms_otp(LIMITS={"country": "2/h"})
def test_a_country_has_a_quota_of_its_own(ask: Any) -> None:
    assert [ask(phone) for phone in NEIGHBOURS[:3]] == [SENT, SENT, FULL]
    # The same country code, another country.
    assert ask("+14165550123") == SENT


@override_sms_otp(LIMITS={"site": "2/h"})
def test_the_site_stops_hard_with_one_alarm(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        heard.append(kwargs)

    limit_tripped.connect(hear)
    numbers = [PHONE, "+4915112345678", "+33612345678", "+14165550123"]
    assert [ask(phone) for phone in numbers] == [SENT, SENT, FULL, FULL]
    limit_tripped.disconnect(hear)
    [alarm] = heard
    assert (alarm["control"], alarm["mode"], alarm["region"]) == ("site", "enforce", "")
    assert HourlyCount.objects.get(event="refused:site").count == 2
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len([each for each in warnings if "site" in each.getMessage()]) == 2


PREFIX = override_sms_otp(LIMITS={"prefix": "2/h"})


@PREFIX
def test_a_full_prefix_withholds_messages_behind_the_same_answer(ask: Any) -> None:
    assert [ask(phone) for phone in NEIGHBOURS[:4]] == [SENT] * 4
    assert [message.to for message in testing.outbox] == NEIGHBOURS[:2]
    withheld = OTPCode.objects.get(phone_number=NEIGHBOURS[3])
    assert withheld.delivery_state == DeliveryState.WITHHELD
    assert withheld.withheld_by == "prefix"
    assert HourlyCount.objects.get(event="withheld:prefix", region="US").count == 2
    # And then like any other number.
    assert ask(NEIGHBOURS[3]) == (429, "cooldown")


@PREFIX
def test_a_verified_number_passes_a_full_prefix_and_does_not_fill_it(ask: Any) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    assert ask(PHONE) == SENT
    for phone in NEIGHBOURS[1:4]:
        ask(phone)
    assert [message.to for message in testing.outbox] == [PHONE, *NEIGHBOURS[1:3]]
    assert OTPCode.objects.get(phone_number=PHONE).exempt


@override_sms_otp(LIMITS={"prefix": "1/h"}, UNKNOWN_NUMBERS="reject")
def test_a_site_that_tells_anyway_refuses_openly(ask: Any) -> None:
    for phone in NEIGHBOURS[:2]:
        VerifiedPhoneFactory.create(phone_number=phone)
    # Both are verified, so neither is refused; no other number gets that far.
    assert [ask(phone) for phone in NEIGHBOURS[:3]] == [
        SENT,
        SENT,
        (404, "unknown_phone_number"),
    ]


@override_sms_otp(LIMITS={"ip": "2/h", "prefix": "1/h"})
def test_a_withheld_message_counts_for_its_address(ask: Any) -> None:
    assert [ask(phone) for phone in NEIGHBOURS[:3]] == [SENT, SENT, FULL]
    assert len(testing.outbox) == 1


# Modes


@override_sms_otp(LIMITS={"ip": "1/h"}, CONTROL_MODES={"ip": "record"})
def test_a_control_that_records_counts_and_lets_pass(ask: Any) -> None:
    assert [ask(phone) for phone in NEIGHBOURS[:3]] == [SENT] * 3
    assert len(testing.outbox) == 3
    recorded = OTPCode.objects.order_by("phone_number").values_list("recorded", flat=True)
    assert list(recorded) == ["", "ip", "ip"]
    assert HourlyCount.objects.get(event="recorded:ip").count == 2


@override_sms_otp(LIMITS={"ip": "1/h"}, CONTROL_MODES={"ip": "off"})
def test_a_control_that_is_off_counts_nothing(ask: Any) -> None:
    assert [ask(phone) for phone in NEIGHBOURS[:3]] == [SENT] * 3
    assert not Limit.objects.filter(kind="ip").exists()
    assert not HourlyCount.objects.exists()


@override_sms_otp(ALLOWED_REGIONS=["CA"], CONTROL_MODES={"region": "record"})
def test_a_region_that_is_recorded_passes(ask: Any) -> None:
    assert ask() == SENT
    assert HourlyCount.objects.get(event="recorded:region", region="US").count == 1


@override_sms_otp(ALLOWED_REGIONS=["CA"])
def test_a_region_that_is_refused_is_counted_at_get_code_alone(
    ask: Any, auth_code: Post
) -> None:
    assert ask() == (400, "region_not_supported")
    auth_code(phone_number=PHONE, code="123456")
    assert HourlyCount.objects.get(event="refused:region", region="US").count == 1


def test_many_refusals_make_one_row(ask: Any) -> None:
    ask()
    rows = Limit.objects.count(), OTPCode.objects.count()
    for _ in range(20):
        assert ask() == (429, "cooldown")
    assert (Limit.objects.count(), OTPCode.objects.count()) == rows
    assert HourlyCount.objects.get().count == 20


@override_sms_otp(LIMITS={"ip": "3/h"}, UNKNOWN_NUMBERS="reject")
def test_an_address_does_not_ask_a_list_of_numbers_for_accounts(
    ask: Any, clock: time_machine.Traveller
) -> None:
    unknown = (404, "unknown_phone_number")
    VerifiedPhoneFactory.create(phone_number=PHONE)
    assert [ask(phone) for phone in NEIGHBOURS[1:6]] == [unknown] * 3 + [FULL] * 2
    assert 3600 <= ask.retry_after <= 3660  # The window, and a grain.
    assert ask(PHONE) == FULL
    assert ask(NEIGHBOURS[1], ip="203.0.113.10") == unknown
    clock.shift(timedelta(hours=1, minutes=1))
    assert ask(PHONE) == SENT


@override_sms_otp(LIMITS={"ip_48": "3/h"}, UNKNOWN_NUMBERS="reject")
def test_a_network_does_not_ask_a_list_of_numbers_for_accounts(ask: Any) -> None:
    unknown = (404, "unknown_phone_number")
    callers = [(NEIGHBOURS[n], f"2001:db8:0:{n}00::1") for n in range(5)]
    assert [ask(phone, ip=ip) for phone, ip in callers] == [unknown] * 3 + [FULL] * 2


@override_sms_otp(LIMITS={"ip": "3/h"}, UNKNOWN_NUMBERS="reject")
def test_parallel_questions_for_accounts_are_held_to_the_limit() -> None:
    numbers, lock = iter(NEIGHBOURS), threading.Lock()

    def probe() -> str:
        with lock:
            number = parse_phone_number(next(numbers))
        answer = services.request_code(number, ip_address="203.0.113.9")
        assert isinstance(answer, RequestRefused)
        return answer.reason

    answers = in_threads(8, probe)
    assert sorted(answers) == ["quota_exceeded"] * 5 + ["unknown_phone_number"] * 3
