"""What is said of a gateway that makes the codes, where the settings promise something else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import checks
from django.core.checks import CheckMessage
from django.test import override_settings

from django_sms_otp.backends import BaseSMSBackend
from django_sms_otp.testing import override_sms_otp

HERE = "tests.checks.test_gateway_codes"


class GatewayCodes(BaseSMSBackend):
    checks_codes = True
    code_length = 6
    code_lifetime = timedelta(minutes=10)


class FourDigits(GatewayCodes):
    code_length = 4


class OurCodes(BaseSMSBackend):
    code_length = 4


class HandsOn(BaseSMSBackend):
    targets = ("default",)


def having(name: str, **others: str) -> Any:
    names = {"default": name, **others}
    backends = {alias: {"BACKEND": f"{HERE}.{each}"} for alias, each in names.items()}
    return override_settings(SMS_OTP_BACKENDS=backends)


@pytest.fixture(autouse=True)
def _others_are_silent() -> Iterator[None]:
    with override_sms_otp(CODE_LIFETIME=timedelta(hours=1), MAX_ATTEMPTS=10):
        yield


def found() -> list[CheckMessage]:
    messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    return [each for each in messages if each.id == "sms_otp.W013"]


def test_w013_is_silent_of_a_gateway_that_makes_what_is_promised() -> None:
    """A longer CODE_LIFETIME is: the shorter of both holds. More MAX_ATTEMPTS are: the gateway
    stops sooner."""
    with having("GatewayCodes"):
        assert found() == []


def test_w013_shorter_codes_than_the_settings_say() -> None:
    with having("FourDigits"):
        [message] = found()
    assert "SMS_OTP_BACKENDS['default'] makes codes of 4 digits" in message.msg


def test_shorter_codes_that_the_settings_know_of() -> None:
    with having("FourDigits"), override_sms_otp(CODE_LENGTH=4):
        assert found() == []


def test_a_code_for_each_request_is_more_than_the_gateway_gives() -> None:
    with having("GatewayCodes"), override_sms_otp(REQUIRE_REQUEST_ID=True):
        [message] = found()
    assert "REQUIRE_REQUEST_ID" in message.msg


def test_codes_of_our_own_are_as_the_settings_say() -> None:
    with having("OurCodes"), override_sms_otp(REQUIRE_REQUEST_ID=True):
        assert found() == []


def test_whom_messages_are_handed_on_to_is_seen() -> None:
    with (
        having("FourDigits", first="HandsOn"),
        override_sms_otp(CHANNELS={"sms": "first"}),
    ):
        assert len(found()) == 1


def test_one_that_two_channels_share_is_told_of_once() -> None:
    shared = {"sms": "first", "voice": "second"}
    with (
        having("FourDigits", first="HandsOn", second="HandsOn"),
        override_sms_otp(CHANNELS=shared),
    ):
        assert len(found()) == 1


def test_a_backend_of_no_channel_is_not_looked_at() -> None:
    with having("OurCodes", other="FourDigits"), override_sms_otp(REQUIRE_REQUEST_ID=True):
        assert found() == []


def test_a_backend_that_cannot_be_built_is_left_to_another_check() -> None:
    with having("Nobody"):
        assert found() == []
