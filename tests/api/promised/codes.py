"""The answers of every endpoint that sends a code, and of every one that takes a guess."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.controls.hooks import Challenge, SendAttempt
from django_sms_otp.exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.testing import override_sms_otp
from tests.conftest import last_code, wrong

from .base import GOOD, GUESSES, WAIT, Site

REQUESTED = tuple(
    f"field {name}"
    for name in ("request_id", "expires_at", "resend_available_at", "code_length")
)


class FailingBackend(BaseSMSBackend):
    error: DeliveryError = NotDelivered()

    def send(self, message: SMSMessage) -> SendResult:
        raise self.error


class NobodyPasses(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        return False


def accepted(site: Site, operation: str) -> Any:
    return site.call(operation)


def with_number(site: Site, operation: str, number: str) -> Any:
    return site.call(operation, {**GOOD[operation].body, "phone_number": number})


def challenged(site: Site, operation: str) -> Any:
    with override_sms_otp(CHALLENGE=f"{__name__}.NobodyPasses"):
        return site.call(operation)


def while_failing(site: Site, operation: str, error: DeliveryError) -> Any:
    site.settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.FailingBackend"}}
    site.monkeypatch.setattr(FailingBackend, "error", error)
    return site.call(operation)


def too_soon(site: Site, operation: str) -> Any:
    path = GOOD[operation].path(site)
    site.call(operation, path=path)
    return site.call(operation, path=path)


def too_many(site: Site, operation: str) -> Any:
    with override_sms_otp(LIMITS={"ip": "1/h"}, COOLDOWN=[]):
        return too_soon(site, operation)


def locked(site: Site, operation: str) -> Any:
    """For longer than a new code would live."""
    limits = {"failures": "1/d"}
    with override_sms_otp(MAX_ATTEMPTS=1, LIMITS=limits, COOLDOWN=[]):
        path = after_wrong_guesses(site, operation, 2)
        return site.call(operation, path=path)


def spent(site: Site, operation: str) -> Any:
    [sender] = [sender for sender, guess in GUESSES.items() if guess == operation]
    path = after_wrong_guesses(site, sender, 5)
    return site.call(operation, path=path)


def after_wrong_guesses(site: Site, sender: str, count: int) -> Any:
    """Request a code, guess wrong, and return the parameters of the path."""
    path, guess = GOOD[sender].path(site), GUESSES[sender]
    site.call(sender, path=path)
    for _ in range(count):
        site.call(guess, {**GOOD[guess].body, "code": wrong(last_code())}, path=path)
    return path


Answers = list[tuple[int, str, tuple[str, ...], Callable[..., Any]]]

OF_NUMBERS: Answers = [
    (400, "invalid_phone_number", ("field errors",), partial(with_number, number="hello")),
    (
        400,
        "phone_number_not_sms_capable",
        ("field errors",),
        partial(with_number, number="+1 900 234 5678"),
    ),
    (
        400,
        "region_not_supported",
        ("field errors",),
        partial(with_number, number="+881 612345678"),
    ),
]
OF_OWN_NUMBERS: Answers = [
    (400, code, (), partial(while_failing, error=DeliveryRefused("no", code=code)))
    for code in ("invalid_phone_number", "phone_number_not_sms_capable", "region_not_supported")
]
OF_SENDING: Answers = [
    (202, "", (), accepted),
    (403, "challenge_required", (), challenged),
    (
        409,
        "recipient_opted_out",
        (),
        partial(while_failing, error=DeliveryRefused("no", code="recipient_opted_out")),
    ),
    (429, "cooldown", WAIT, too_soon),
    (429, "quota_exceeded", WAIT, too_many),
    (429, "too_many_attempts", WAIT, locked),
    (503, "delivery_failed", WAIT, partial(while_failing, error=NotDelivered())),
    (
        503,
        "delivery_failed",
        (*WAIT, *REQUESTED),
        partial(while_failing, error=DeliveryUnknown()),
    ),
]
OF_GUESSES: Answers = [
    (401, "invalid_code", (), accepted),
    (429, "too_many_attempts", WAIT, spent),
]
