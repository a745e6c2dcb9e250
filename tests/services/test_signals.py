"""Signals: what they carry, and that they come after the commit."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NoReturn

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection
from django.dispatch import Signal
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage, hand_over
from django_sms_otp.backends.locmem import SMSBackend
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    LoginRefused,
    NotDelivered,
    PhoneNumberError,
)
from django_sms_otp.models import DeliveryState, Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RedemptionRefused
from django_sms_otp.signals import (
    code_redeemed,
    code_rejected,
    code_requested,
    code_sent,
    delivery_failed,
    gateway_called,
    number_refused,
    user_registered,
)
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import wrong

PHONE = parse_phone_number("+14155552671")
ALL = {
    "code_sent": code_sent,
    "code_redeemed": code_redeemed,
    "code_rejected": code_rejected,
    "delivery_failed": delivery_failed,
    "user_registered": user_registered,
}


class DownBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("Down.", error_code="20429")


class BlockingBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise DeliveryBlocked("Fraud.", error_code="30450")


@contextmanager
def connected(signal: Signal, receiver: Callable[..., Any]) -> Iterator[None]:
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def heard(db: None) -> Iterator[Heard]:
    """Collect every signal, by name, with its arguments."""
    collected: Heard = []

    def hearing(name: str) -> Callable[..., None]:
        def receiver(sender: Any, **kwargs: Any) -> None:
            assert sender is OTPCode
            del kwargs["signal"]
            collected.append((name, kwargs))

        return receiver

    with ExitStack() as stack:
        for name, signal in ALL.items():
            stack.enter_context(connected(signal, hearing(name)))
        yield collected


def names(heard: Heard) -> list[str]:
    return [name for name, _ in heard]


def request() -> OTPCode:
    outcome = services.request_code(PHONE)
    assert isinstance(outcome, CodeRequested)
    return OTPCode.objects.get(pk=outcome.request_id)


def sent_code() -> str:
    code = outbox[-1].code
    assert code is not None
    return code


def redeem(code: str | None = None) -> Redeemed[None] | RedemptionRefused:
    return services.redeem_code(code or sent_code(), phone_number=PHONE)


def known_user(*, is_active: bool = True) -> AbstractBaseUser:
    user = get_user_model().objects.create(username="anna", is_active=is_active)
    VerifiedPhone.objects.create(user=user, phone_number=PHONE.e164, verified_at=timezone.now())
    return user


# What they carry


def test_code_sent_carries_the_row(heard: Heard) -> None:
    row = request()

    [(name, kwargs)] = heard
    assert name == "code_sent"
    assert 0 < kwargs.pop("latency") < 1
    assert kwargs == {"otp_code": row, "phone_number": PHONE, "purpose": "login"}
    assert kwargs["otp_code"].delivery_state == DeliveryState.SENT


def test_code_redeemed_carries_the_row_and_the_user(heard: Heard) -> None:
    user = known_user()
    row = request()
    heard.clear()

    redeem()

    assert heard == [
        (
            "code_redeemed",
            {"otp_code": row, "user": user, "phone_number": PHONE, "purpose": "login"},
        )
    ]


def test_code_redeemed_of_another_purpose_has_no_user(heard: Heard) -> None:
    services.request_code(PHONE, purpose="verify_phone")
    heard.clear()

    services.redeem_code(sent_code(), phone_number=PHONE, purpose="verify_phone")

    [(name, kwargs)] = heard
    assert name == "code_redeemed"
    assert (kwargs["user"], kwargs["purpose"]) == (None, "verify_phone")


def test_user_registered_comes_once_before_the_first_login(heard: Heard) -> None:
    request()
    heard.clear()

    outcome = redeem()

    assert isinstance(outcome, Redeemed)
    assert outcome.registered
    assert names(heard) == ["user_registered", "code_redeemed"]
    assert heard[0][1] == {"user": outcome.user, "phone_number": PHONE, "purpose": "login"}

    with override_sms_otp(COOLDOWN=[]):
        request()
        heard.clear()
        redeem()

    assert names(heard) == ["code_redeemed"]


def test_code_rejected_carries_the_row_and_the_reason(heard: Heard) -> None:
    row = request()
    heard.clear()

    redeem(wrong(sent_code()))

    assert heard == [
        (
            "code_rejected",
            {
                "otp_code": row,
                "reason": "invalid_code",
                "phone_number": PHONE,
                "purpose": "login",
            },
        )
    ]


def test_code_rejected_has_no_row_where_there_is_none(heard: Heard) -> None:
    redeem("123456")

    [(name, kwargs)] = heard
    assert name == "code_rejected"
    assert (kwargs["otp_code"], kwargs["reason"]) == (None, "invalid_code")


def test_code_rejected_has_no_number_where_the_request_is_unknown(heard: Heard) -> None:
    services.redeem_code("123456", request_id=uuid.UUID(int=7))

    [(name, kwargs)] = heard
    assert name == "code_rejected"
    assert (kwargs["phone_number"], kwargs["otp_code"]) == (None, None)


@override_sms_otp(MAX_ATTEMPTS=1)
def test_code_rejected_tells_a_spent_code(heard: Heard) -> None:
    request()
    redeem(wrong(sent_code()))
    heard.clear()

    redeem()

    [(name, kwargs)] = heard
    assert (name, kwargs["reason"]) == ("code_rejected", "too_many_attempts")


def test_code_rejected_tells_a_user_who_may_not_log_in(heard: Heard) -> None:
    known_user(is_active=False)
    request()
    heard.clear()

    redeem()

    [(name, kwargs)] = heard
    assert (name, kwargs["reason"]) == ("code_rejected", "no_active_account")


def test_a_new_user_who_is_refused_by_the_issuer_was_registered_all_the_same(
    heard: Heard,
) -> None:
    def refuse(_: AbstractBaseUser) -> NoReturn:
        raise LoginRefused

    request()
    heard.clear()

    services.redeem_code(sent_code(), phone_number=PHONE, grant=refuse)

    assert names(heard) == ["user_registered", "code_rejected"]
    assert get_user_model().objects.count() == 1


def test_a_login_that_fails_by_an_error_sends_no_signal(heard: Heard) -> None:
    def fail(_: AbstractBaseUser) -> NoReturn:
        raise ZeroDivisionError

    request()
    heard.clear()

    with pytest.raises(ZeroDivisionError):
        services.redeem_code(sent_code(), phone_number=PHONE, grant=fail)

    assert heard == []
    assert get_user_model().objects.count() == 0


@pytest.mark.parametrize(
    ("backend", "error_class", "error_code"),
    [("DownBackend", NotDelivered, "20429"), ("BlockingBackend", DeliveryBlocked, "30450")],
)
def test_delivery_failed_carries_the_row_and_the_error(
    heard: Heard, settings: Any, backend: str, error_class: type, error_code: str
) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.{backend}"}}

    services.request_code(PHONE)

    [(name, kwargs)] = heard
    error = kwargs.pop("error")
    assert name == "delivery_failed"
    assert 0 < kwargs.pop("latency") == error.latency < 1
    assert kwargs == {
        "otp_code": OTPCode.objects.get(),
        "phone_number": PHONE,
        "purpose": "login",
    }
    assert kwargs["otp_code"].delivery_error == error_code
    assert (type(error), error.error_code) == (error_class, error_code)


def test_no_signal_of_a_message_comes_of_a_request_in_the_cooldown(heard: Heard) -> None:
    request()
    heard.clear()

    services.request_code(PHONE)

    assert heard == []


# Requests, and calls of gateways


@pytest.fixture
def asked(db: None) -> Iterator[list[dict[str, Any]]]:
    """Collect what was asked for, and how it was answered."""
    collected: list[dict[str, Any]] = []

    def receiver(sender: Any, **kwargs: Any) -> None:
        del kwargs["signal"]
        collected.append({"sender": sender, **kwargs})

    with ExitStack() as stack:
        for signal in (code_requested, number_refused, gateway_called):
            stack.enter_context(connected(signal, receiver))
        yield collected


def requested(outcome: str, *, control: str = "", recorded: tuple[str, ...] = ()) -> Any:
    return {
        "sender": OTPCode,
        "phone_number": PHONE,
        "purpose": "login",
        "channel": "sms",
        "outcome": outcome,
        "control": control,
        "recorded": recorded,
    }


def test_a_request_is_told_with_its_answer(asked: list[dict[str, Any]]) -> None:
    request()
    services.request_code(PHONE)

    call, *requests = asked
    assert 0 < call.pop("latency") < 1
    assert call == {
        "sender": SMSBackend,
        "alias": "default",
        "channel": "sms",
        "region": "US",
        "outcome": "sent",
        "error_code": "",
    }
    assert requests == [requested("accepted"), requested("cooldown", control="cooldown")]


def test_a_request_that_is_only_recorded_is_told(asked: list[dict[str, Any]]) -> None:
    limits, modes = {"phone": "1/h"}, {"phone": "record"}
    with override_sms_otp(COOLDOWN=[], LIMITS=limits, CONTROL_MODES=modes):
        request()
        request()

    assert asked[-1] == requested("accepted", recorded=("phone",))


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_a_withheld_request_is_told(asked: list[dict[str, Any]]) -> None:
    request()

    assert asked == [requested("withheld", control="unknown_number")]


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_a_rejected_request_is_told(asked: list[dict[str, Any]]) -> None:
    services.request_code(PHONE)

    assert asked == [requested("unknown_phone_number", control="unknown_number")]


def test_a_request_that_the_gateway_refused_is_told(
    asked: list[dict[str, Any]], settings: Any
) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.DownBackend"}}
    services.request_code(PHONE)

    call, answer = asked
    assert (call["sender"], call["outcome"]) == (DownBackend, "not_sent")
    assert call["error_code"] == "20429"
    assert answer == requested("delivery_failed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", ("invalid_phone_number", "", "", "enforce")),
        ("+19002345678", ("phone_number_not_sms_capable", "number_type", "US", "enforce")),
        ("+33612345678", ("region_not_supported", "region", "FR", "record")),
    ],
)
def test_a_number_that_is_not_sent_to_is_told(
    asked: list[dict[str, Any]], text: str, expected: tuple[str, ...]
) -> None:
    policy = override_sms_otp(
        ALLOWED_REGIONS=["US"],
        CONTROL_MODES={"region": "record"},
        CHANNELS={"sms": "default", "voice": "default"},
    )
    with policy, suppress(PhoneNumberError):
        services.read_phone_number(text, to_send=True, channel="voice")

    reason, control, region, mode = expected
    assert asked == [
        {
            "sender": Limit,
            "channel": "voice",
            "region": region,
            "reason": reason,
            "control": control,
            "mode": mode,
        }
    ]


def test_a_number_that_is_only_read_is_not_told(asked: list[dict[str, Any]]) -> None:
    with suppress(PhoneNumberError):
        services.read_phone_number("hello")

    assert asked == []


class ForwardingBackend(BaseSMSBackend):
    targets = ("default",)

    def send(self, message: SMSMessage) -> SendResult:
        return hand_over(message, "default")


def test_a_message_handed_on_is_one_call_of_the_gateway_that_sent(
    asked: list[dict[str, Any]], heard: Heard, settings: Any
) -> None:
    forwarding = {"BACKEND": f"{__name__}.ForwardingBackend"}
    settings.SMS_OTP_BACKENDS = {**settings.SMS_OTP_BACKENDS, "forwarding": forwarding}
    settings.SMS_OTP = {**settings.SMS_OTP, "CHANNELS": {"sms": "forwarding"}}

    assert request().backend == "default"

    calls = [each for each in asked if "latency" in each]
    assert [call["alias"] for call in calls] == ["default"]
    assert heard[0][1]["latency"] == calls[0]["latency"]


# When they come


def happen(name: str, settings: Any) -> None:
    """Make the signal of this name be sent."""
    if name == "delivery_failed":
        settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.DownBackend"}}
    services.request_code(PHONE)
    if name == "code_rejected":
        redeem(wrong(sent_code()))
    elif name in {"code_redeemed", "user_registered"}:
        redeem()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ALL)
def test_a_signal_comes_after_the_commit(name: str, settings: Any) -> None:
    inside: list[bool] = []
    written: list[bool] = []

    def receiver(**kwargs: Any) -> None:
        inside.append(connection.in_atomic_block)
        row = OTPCode.objects.get()
        users = get_user_model().objects.all()
        written.append(
            {
                "code_sent": row.delivery_state == DeliveryState.SENT,
                "code_redeemed": row.redeemed_at is not None,
                "code_rejected": row.failed_attempts == 1,
                "delivery_failed": row.delivery_state == DeliveryState.FAILED,
                "user_registered": kwargs.get("user") in users,
            }[name]
        )

    with connected(ALL[name], receiver):
        happen(name, settings)

    assert inside == [False]
    assert written == [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ALL)
def test_a_receiver_that_raises_harms_nothing(
    name: str, settings: Any, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**kwargs: Any) -> NoReturn:
        raise ZeroDivisionError(str(kwargs["phone_number"]))

    with connected(ALL[name], broken), caplog.at_level(logging.ERROR, "django.dispatch"):
        happen(name, settings)

    assert name in names(heard)
    assert [record.name for record in caplog.records] == ["django.dispatch"] or (
        name == "delivery_failed"
    )
    row = OTPCode.objects.get()
    assert (row.redeemed_at is not None) == (name in {"code_redeemed", "user_registered"})
    assert row.failed_attempts == (name == "code_rejected")


@pytest.mark.django_db(transaction=True)
def test_a_receiver_may_use_the_services_itself(settings: Any) -> None:
    def receiver(**_: Any) -> None:
        redeem()

    with connected(code_sent, receiver):
        request()

    assert OTPCode.objects.get().redeemed_at is not None
