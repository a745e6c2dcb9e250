"""What is said of a price list that does not fit the backends."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks

from django_sms_otp.testing import override_sms_otp

LOCMEM = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
FAILOVER = {
    "BACKEND": "django_sms_otp.backends.failover.SMSBackend",
    "OPTIONS": {"aliases": ["first", "second"]},
}
SOME = {"*": "0.05"}


@pytest.fixture(autouse=True)
def backends(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": FAILOVER,
        "first": LOCMEM,
        "second": LOCMEM,
        "unused": LOCMEM,
    }


def found(number: str) -> list[str]:
    messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    return [str(each.msg) for each in messages if each.id == f"sms_otp.{number}"]


def test_e024_prices_of_no_backend() -> None:
    with override_sms_otp(PRICES={"frist": SOME}):
        [message] = found("E024")
    assert "'frist', which SMS_OTP_BACKENDS does not have. Did you mean 'first'?" in message


def test_w022_a_backend_without_a_price() -> None:
    with override_sms_otp(PRICES={"first": SOME}):
        [message] = found("W022")
    assert "no prices of 'second'" in message


@pytest.mark.parametrize("prices", [{}, {"first": SOME, "second": SOME}])
def test_e024_and_w022_are_silent(prices: Any) -> None:
    with override_sms_otp(PRICES=prices):
        assert found("E024") + found("W022") == []
