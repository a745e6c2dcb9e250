"""Jobs that come twice, late, in another order or never: a message leaves once at most."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import override_settings
from django.utils import translation

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.delivery import code_of, deliver_queued, take_back
from django_sms_otp.delivery.feedback import tell_gateway
from django_sms_otp.delivery.queues import engine
from django_sms_otp.exceptions import (
    Cause,
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InsideTransaction,
    NotDelivered,
    NotQueued,
)
from django_sms_otp.logs import short_id
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.signals import code_sent, delivery_failed
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.engines import IMMEDIATE, celery_app

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)
NEIGHBOUR = parse_phone_number("+14155552672")

BUSY = NotDelivered("Busy.", error_code="busy")


class Gateway(BaseSMSBackend):
    """Keeps what it takes, and raises ``error`` where a test has put one there."""

    wants_feedback = True
    taken: list[SMSMessage] = []
    reports: list[str] = []
    error: Exception | None = None

    def send(self, message: SMSMessage) -> SendResult:
        if self.error:
            raise self.error
        self.taken.append(message)
        return SendResult(message_id="SM1")

    def send_feedback(self, message_id: str) -> None:
        if self.error:
            raise self.error
        self.reports.append(message_id)


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[time_machine.Traveller]:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.Gateway"}}
    Gateway.taken.clear()
    Gateway.reports.clear()
    with override_sms_otp(DELIVERY="tasks"), time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
    return lambda error: monkeypatch.setattr(Gateway, "error", error)


def ask() -> OTPCode:
    answer = services.request_code(NUMBER)
    assert isinstance(answer, CodeRequested), answer
    return OTPCode.objects.get(pk=answer.request_id)


def now_is(otp_code: OTPCode) -> tuple[str, str]:
    row = OTPCode.objects.get(pk=otp_code.pk)
    return row.delivery_state, row.delivery_error


def may_ask_again() -> bool:
    return isinstance(services.request_code(NUMBER), CodeRequested)


class Waits:
    """An engine's way to call again later."""

    def __init__(self) -> None:
        self.of: list[timedelta] = []

    def __call__(self, request_id: uuid.UUID, wait: timedelta) -> None:
        self.of.append(wait)


def test_a_worker_writes_in_the_language_of_who_asked() -> None:
    with translation.override("de"):
        otp_code = ask()
    with translation.override("fr"):
        deliver_queued(otp_code.pk, Waits())
        assert translation.get_language() == "fr"
    [message] = Gateway.taken
    assert message.body.startswith("Ihr Code")


# Sent once ---------------------------------------------------------------------------------


def test_a_job_sends_the_message_that_waits() -> None:
    otp_code = ask()
    assert now_is(otp_code) == ("pending", "")
    deliver_queued(otp_code.pk)
    assert now_is(otp_code) == ("sent", "")
    [message] = Gateway.taken
    assert message.code == code_of(otp_code)


def test_a_job_that_comes_twice_sends_once() -> None:
    otp_code = ask()
    deliver_queued(otp_code.pk)
    deliver_queued(otp_code.pk)
    assert len(Gateway.taken) == 1


def test_a_job_of_a_purged_row_does_nothing() -> None:
    otp_code = ask()
    otp_code.delete()
    deliver_queued(otp_code.pk)
    deliver_queued(uuid.uuid4())
    assert not Gateway.taken


def test_two_requests_before_the_first_job_send_one_message(
    clock: time_machine.Traveller,
) -> None:
    otp_code = ask()
    clock.shift(timedelta(seconds=31))
    assert ask() == otp_code
    deliver_queued(otp_code.pk)
    deliver_queued(otp_code.pk)
    [message] = Gateway.taken
    assert message.send_count == 2


def test_a_message_is_sent_again_to_who_asks_again(clock: time_machine.Traveller) -> None:
    for seconds in (0, 31):
        clock.shift(timedelta(seconds=seconds))
        deliver_queued(ask().pk)
    assert len({message.code for message in Gateway.taken}) == 1
    assert len(Gateway.taken) == 2


def test_a_job_from_before_the_last_request_sends_its_message(
    clock: time_machine.Traveller,
) -> None:
    otp_code = ask()
    clock.shift(timedelta(seconds=31))
    ask()
    # The jobs come in another order; they are all alike.
    deliver_queued(otp_code.pk)
    assert now_is(otp_code) == ("sent", "")


def test_a_request_between_a_claim_and_its_read_is_left_to_its_own_job(
    clock: time_machine.Traveller,
) -> None:
    otp_code = ask()
    clock.shift(timedelta(seconds=31))

    def ask_after_the_claim(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("SELECT") and not asked:
            asked.append(True)
            ask()
        return execute(sql, *rest)

    asked: list[bool] = []
    with connection.execute_wrapper(ask_after_the_claim):
        deliver_queued(otp_code.pk)
    assert not Gateway.taken
    deliver_queued(otp_code.pk)
    assert len(Gateway.taken) == 1


# Not sent any more -------------------------------------------------------------------------


def test_an_expired_message_is_not_sent(clock: time_machine.Traveller) -> None:
    otp_code = ask()
    clock.shift(timedelta(minutes=10))
    deliver_queued(otp_code.pk)
    assert not Gateway.taken


def test_a_message_that_waited_for_too_long_is_given_up(clock: time_machine.Traveller) -> None:
    otp_code = ask()
    clock.shift(timedelta(minutes=7))
    deliver_queued(otp_code.pk, Waits())
    assert not Gateway.taken
    assert now_is(otp_code) == ("failed", "late")


def test_a_superseded_message_is_not_sent(clock: time_machine.Traveller) -> None:
    old = ask()
    clock.shift(timedelta(minutes=7))
    new = ask()
    assert old != new
    deliver_queued(old.pk)
    assert not Gateway.taken
    deliver_queued(new.pk)
    assert [message.request_id for message in Gateway.taken] == [new.pk]


def test_a_redeemed_code_is_not_sent_again(clock: time_machine.Traveller) -> None:
    otp_code = ask()
    deliver_queued(otp_code.pk)
    clock.shift(timedelta(seconds=31))
    ask()
    services.redeem_code(Gateway.taken[0].code or "", phone_number=NUMBER)
    deliver_queued(otp_code.pk)
    assert len(Gateway.taken) == 1


def test_a_worker_without_the_key_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    otp_code = ask()
    waits = Waits()
    with override_sms_otp(SECRET_KEYS=["another"]):
        deliver_queued(otp_code.pk, waits)
    assert (now_is(otp_code), waits.of) == (("failed", "key-gone"), [])
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_a_worker_without_the_key_withholds_what_is_to_be_withheld() -> None:
    with override_sms_otp(LIMITS={"prefix": "1/h"}):
        services.request_code(NEIGHBOUR)
        otp_code = ask()
    with override_sms_otp(SECRET_KEYS=["another"]):
        deliver_queued(otp_code.pk)
    assert now_is(otp_code) == ("withheld", "")


def test_a_withheld_message_is_counted_by_its_job() -> None:
    with override_sms_otp(LIMITS={"prefix": "1/h"}):
        services.request_code(NEIGHBOUR)
        otp_code = ask()
        assert not HourlyCount.objects.filter(event="withheld:prefix").exists()
        deliver_queued(otp_code.pk)
    assert not Gateway.taken
    assert now_is(otp_code) == ("withheld", "")
    assert HourlyCount.objects.get(event="withheld:prefix").count == 1


# A gateway that does not take it -----------------------------------------------------------


def test_a_message_waits_for_its_gateway_longer_and_longer(
    clock: time_machine.Traveller, fails: Callable[..., None]
) -> None:
    fails(BUSY)
    otp_code, waits = ask(), Waits()
    while True:
        seen = len(waits.of)
        deliver_queued(otp_code.pk, waits)
        if len(waits.of) == seen:
            break
        assert now_is(otp_code) == ("pending", "")
        clock.shift(waits.of[-1])
    seconds = [wait.total_seconds() for wait in waits.of]
    assert seconds[:7] == [2, 2, 4, 8, 16, 32, 60]
    assert set(seconds[7:]) == {60}
    # No longer than the code is worth sending.
    assert sum(seconds) <= 400
    assert now_is(otp_code) == ("failed", "busy")


def test_a_message_that_waits_is_not_announced_as_failed_and_stays_counted(
    fails: Callable[..., None],
) -> None:
    fails(BUSY)
    failures: list[Any] = []

    def note(**kwargs: Any) -> None:
        failures.append(kwargs["error"])

    delivery_failed.connect(note)
    with override_sms_otp(UNVERIFIED_BUDGET={}):
        otp_code = ask()
        counted = Limit.objects.get(kind="country").state
        deliver_queued(otp_code.pk, Waits())
    delivery_failed.disconnect(note)
    assert now_is(otp_code) == ("pending", "")
    assert failures == []
    assert Limit.objects.get(kind="country").state == counted


def test_a_wait_is_told_in_whole_seconds(
    clock: time_machine.Traveller,
    fails: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "django_sms_otp")
    fails(BUSY)
    otp_code = ask()
    clock.shift(timedelta(seconds=3, microseconds=412345))
    deliver_queued(otp_code.pk, Waits())
    assert f"Code {short_id(otp_code.pk)} waits 3 s: " in caplog.text


def test_a_gateway_that_recovers_gets_the_message(
    clock: time_machine.Traveller, fails: Callable[..., None]
) -> None:
    fails(BUSY)
    otp_code, waits = ask(), Waits()
    deliver_queued(otp_code.pk, waits)
    fails(None)
    clock.shift(waits.of[0])
    deliver_queued(otp_code.pk, waits)
    assert now_is(otp_code) == ("sent", "")
    assert len(waits.of) == len(Gateway.taken) == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotDelivered("", error_code="x", needs_attention=True), "failed"),
        (NotDelivered("", error_code="x", cause=Cause.MESSAGE), "failed"),
        (DeliveryUnknown("", error_code="x"), "unknown"),
        (DeliveryRefused("", code="recipient_opted_out", error_code="x"), "failed"),
        (DeliveryBlocked("", error_code="x"), "failed"),
    ],
    ids=["attention", "permanent", "unknown", "refused", "blocked"],
)
def test_what_time_does_not_mend_is_not_tried_again(
    fails: Callable[..., None], error: DeliveryError, state: str
) -> None:
    fails(error)
    otp_code, waits = ask(), Waits()
    deliver_queued(otp_code.pk, waits)
    assert not waits.of
    assert now_is(otp_code) == (state, "x")
    # Nor is the wait given back: a withheld message's would not be.
    assert not may_ask_again()


@pytest.mark.parametrize("can_wait", [False, True], ids=["cannot", "broker down"])
def test_an_engine_that_cannot_wait_gives_up(
    fails: Callable[..., None], clock: time_machine.Traveller, can_wait: bool
) -> None:
    def refuses(request_id: uuid.UUID, wait: timedelta) -> None:
        clock.shift(timedelta(seconds=1))
        raise NotQueued

    fails(BUSY)
    failures: list[Any] = []

    def note(**kwargs: Any) -> None:
        failures.append(kwargs["error"])

    delivery_failed.connect(note)
    otp_code = ask()
    deliver_queued(otp_code.pk, refuses if can_wait else None)
    delivery_failed.disconnect(note)
    assert now_is(otp_code) == ("failed", "busy")
    assert failures == [BUSY]


def test_a_job_that_cannot_wait_leaves_a_message_to_who_has_claimed_it(
    fails: Callable[..., None],
) -> None:
    fails(BUSY)
    otp_code = ask()

    def is_overtaken(request_id: uuid.UUID, wait: timedelta) -> None:
        fails(None)
        deliver_queued(otp_code.pk)
        raise NotQueued

    deliver_queued(otp_code.pk, is_overtaken)
    assert now_is(otp_code) == ("sent", "")


def test_a_worker_with_other_settings_gives_the_message_up(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    otp_code = ask()
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": "shop.gone.SMSBackend"}}
    deliver_queued(otp_code.pk, Waits())
    assert now_is(otp_code) == ("failed", "settings")
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "shop.gone" in record.getMessage()


@pytest.mark.parametrize("error", [None, BUSY])
def test_a_backend_that_runs_jobs_at_once_sends_or_gives_up(
    fails: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception | None
) -> None:
    fails(error)
    caplog.set_level(logging.INFO)
    with override_settings(TASKS=IMMEDIATE):
        otp_code = ask()
        assert "waits" not in caplog.text
        assert now_is(otp_code) == (("failed", "busy") if error else ("sent", ""))
        assert not may_ask_again()


@pytest.mark.parametrize("error", [None, BUSY])
def test_an_eager_celery_sends_or_gives_up(
    fails: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception | None
) -> None:
    fails(error)
    caplog.set_level(logging.INFO)
    with override_sms_otp(DELIVERY="celery"), celery_app("memory://", task_always_eager=True):
        otp_code = ask()
        assert "waits" not in caplog.text
        assert now_is(otp_code) == (("failed", "busy") if error else ("sent", ""))


# Taken back --------------------------------------------------------------------------------


def test_what_was_taken_back_is_not_sent() -> None:
    otp_code = ask()
    assert take_back(otp_code)
    deliver_queued(otp_code.pk)
    assert not Gateway.taken
    assert now_is(otp_code) == ("failed", "queue")
    assert may_ask_again()


def test_what_was_claimed_is_not_taken_back() -> None:
    otp_code = ask()
    deliver_queued(otp_code.pk)
    assert not take_back(otp_code)
    assert now_is(otp_code) == ("sent", "")
    assert not may_ask_again()


def test_what_waits_for_its_gateway_is_taken_back(fails: Callable[..., None]) -> None:
    fails(BUSY)
    otp_code, waits = ask(), Waits()
    deliver_queued(otp_code.pk, waits)
    assert take_back(otp_code)
    fails(None)
    deliver_queued(otp_code.pk, waits)
    assert not Gateway.taken


def test_a_later_request_is_not_taken_back_with_an_earlier_one(
    clock: time_machine.Traveller,
) -> None:
    otp_code = ask()
    clock.shift(timedelta(seconds=31))
    ask()
    assert not take_back(otp_code)
    deliver_queued(otp_code.pk)
    assert len(Gateway.taken) == 1


def test_the_earlier_code_is_good_when_it_cannot_be_queued_again(
    clock: time_machine.Traveller,
) -> None:
    deliver_queued(ask().pk)
    clock.shift(timedelta(seconds=31))
    assert take_back(ask())
    code = Gateway.taken[0].code or ""
    assert not isinstance(services.redeem_code(code, phone_number=NUMBER), RequestRefused)


# Reports -----------------------------------------------------------------------------------


def test_a_redemption_is_reported_by_the_gateways_own_name() -> None:
    otp_code = ask()
    tell_gateway(otp_code)
    assert not Gateway.reports
    deliver_queued(otp_code.pk)
    otp_code.refresh_from_db()
    tell_gateway(otp_code)
    assert Gateway.reports == ["SM1"]


@pytest.mark.parametrize("error", [BUSY, RuntimeError(f"to {PHONE}")])
def test_a_report_that_fails_is_one_line_in_the_log(
    fails: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    otp_code = ask()
    deliver_queued(otp_code.pk)
    otp_code.refresh_from_db()
    fails(error)
    caplog.set_level(logging.INFO)
    caplog.clear()
    tell_gateway(otp_code)
    [record] = caplog.records
    assert "took no feedback" in record.getMessage()
    assert PHONE not in caplog.text


def test_a_signal_tells_of_each_message() -> None:
    seen: list[Any] = []

    def note(**kwargs: Any) -> None:
        seen.append(kwargs["otp_code"])

    code_sent.connect(note)
    otp_code = ask()
    assert not seen
    deliver_queued(otp_code.pk)
    code_sent.disconnect(note)
    assert seen == [otp_code]


# Beside others -----------------------------------------------------------------------------


def test_a_request_that_is_not_queued_leaves_an_earlier_message_waiting(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(request_id: uuid.UUID) -> None:
        raise NotQueued

    otp_code = ask()
    clock.shift(timedelta(seconds=31))
    monkeypatch.setattr(engine(), "enqueue_message", refuses)
    assert ask() == otp_code
    deliver_queued(otp_code.pk)
    assert len(Gateway.taken) == 1


def test_a_job_that_cannot_wait_leaves_a_newer_message_to_its_own(
    fails: Callable[..., None], clock: time_machine.Traveller
) -> None:
    fails(BUSY)
    otp_code = ask()

    def is_asked_anew(request_id: uuid.UUID, wait: timedelta) -> None:
        fails(None)
        clock.shift(timedelta(seconds=31))
        ask()
        raise NotQueued

    deliver_queued(otp_code.pk, is_asked_anew)
    assert now_is(otp_code) == ("pending", "")
    deliver_queued(otp_code.pk)
    assert now_is(otp_code) == ("sent", "")


@pytest.mark.django_db(transaction=True)
def test_a_job_inside_a_transaction_of_others_sends_nothing() -> None:
    otp_code = ask()
    with pytest.raises(InsideTransaction), transaction.atomic():
        deliver_queued(otp_code.pk)
    assert not Gateway.taken
    assert now_is(otp_code) == ("pending", "")
