"""The services for async code, in a program without requests and in the tests of a site."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.utils import timezone, translation

from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import InsideTransaction, NotSMSCapable
from django_sms_otp.models import HourlyCount, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.services import aread_phone_number, aredeem_code, arequest_code

from ..conftest import PHONE, last_code
from ..support.faults.outage import other_connections

NUMBER = parse_phone_number(PHONE)
MANY = 10
PATIENCE = 20.0


class Gateway(BaseSMSBackend):
    """Answers when so many calls are under way."""

    together = threading.Barrier(MANY)

    def send(self, message: SMSMessage) -> SendResult:
        self.together.wait(PATIENCE)
        return SendResult()


class Hanging(BaseSMSBackend):
    """Answers when the test lets it."""

    called, may_answer, has_answered = (threading.Event() for _ in range(3))

    def send(self, message: SMSMessage) -> SendResult:
        self.called.set()
        self.may_answer.wait(PATIENCE)
        self.has_answered.set()
        return SendResult()


def use(settings: Any, backend: type[BaseSMSBackend]) -> None:
    entry = {"BACKEND": f"{__name__}.{backend.__name__}"}
    settings.SMS_OTP_BACKENDS = {"default": entry}


def open_connections() -> set[int]:
    return set() if connection.vendor == "sqlite" else {*other_connections()}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_calls_of_a_program_do_not_wait_for_each_other_and_leave_no_connection(
    settings: Any,
) -> None:
    use(settings, Gateway)
    before = open_connections()

    async def request_all() -> Any:
        numbers = [
            parse_phone_number(f"+1415555{number}") for number in range(2671, 2671 + MANY)
        ]
        return await asyncio.gather(*map(arequest_code, numbers))

    outcomes = asyncio.run(request_all())
    assert [type(each) for each in outcomes] == [CodeRequested] * MANY
    until(lambda: open_connections() <= before)


@pytest.mark.django_db(transaction=True)
def test_a_login_in_async_code() -> None:
    async def log_in() -> Any:
        number = await aread_phone_number("+1 (415) 555-2671", to_send=True)
        outcome = await arequest_code(number, ip_address="203.0.113.7")
        assert isinstance(outcome, CodeRequested)
        return await aredeem_code(
            last_code(), request_id=outcome.request_id, grant=lambda user: user.pk
        )

    outcome = asyncio.run(log_in())
    assert isinstance(outcome, Redeemed)
    assert outcome.granted == VerifiedPhone.objects.get().user_id


@pytest.mark.django_db(transaction=True)
def test_a_refused_number_is_counted() -> None:
    with pytest.raises(NotSMSCapable):
        asyncio.run(aread_phone_number("+1 800 555 0199", to_send=True))
    assert HourlyCount.objects.get().event.startswith("refused:")


@pytest.mark.django_db
def test_in_a_test_of_a_site_its_transaction_is_seen_and_stays_open() -> None:
    async_to_sync(arequest_code)(NUMBER)
    assert OTPCode.objects.count() == 1
    assert connection.in_atomic_block


@pytest.mark.django_db
def test_a_transaction_of_the_caller_is_refused() -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        async_to_sync(arequest_code)(NUMBER)


@pytest.mark.django_db(transaction=True)
def test_a_connection_of_the_caller_stays_open() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    driver = connection.connection
    async_to_sync(arequest_code)(NUMBER)
    assert connection.connection is driver


@pytest.mark.django_db(transaction=True)
def test_the_language_and_the_time_zone_go_along() -> None:
    async def request() -> None:
        with translation.override("de"), timezone.override(UTC):
            await arequest_code(NUMBER)

    asyncio.run(request())
    assert testing.outbox[-1].language == "de"
    assert testing.outbox[-1].body.startswith("Ihr Code")


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_call_ends_at_once_and_its_thread_finishes(settings: Any) -> None:
    use(settings, Hanging)

    async def give_up() -> None:
        call = asyncio.create_task(arequest_code(NUMBER))
        await asyncio.to_thread(Hanging.called.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not Hanging.has_answered.is_set()
        Hanging.may_answer.set()

    asyncio.run(give_up())
    until(lambda: OTPCode.objects.filter(delivery_state="sent").exists())


def test_an_async_grant_is_refused() -> None:
    async def grant(_user: object) -> None: ...

    with pytest.raises(TypeError, match="no async function"):
        services.redeem_code("123456", phone_number=NUMBER, grant=grant)


@pytest.mark.parametrize("name", ["read_phone_number", "request_code", "redeem_code"])
def test_each_takes_what_the_service_takes(name: str) -> None:
    awaited = getattr(services, f"a{name}")
    assert inspect.signature(awaited) == inspect.signature(getattr(services, name))
    assert inspect.iscoroutinefunction(awaited)
    assert awaited.__name__ == f"a{name}"
