"""What is said of notices that no backend can send."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.checks import CheckMessage

from django_sms_otp.backends import BaseSMSBackend
from django_sms_otp.testing import override_sms_otp

HERE = "tests.checks.test_notices"


class OwnWords(BaseSMSBackend):
    """Sends codes in words of the gateway."""

    def shows_text(self, channel: str) -> bool:
        return False


def found() -> list[CheckMessage]:
    messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    return [each for each in messages if each.id == "sms_otp.W021"]


def having(settings: Any, backend: str) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": backend}}


def test_w021_a_backend_that_sends_no_text_but_its_own(settings: Any) -> None:
    having(settings, f"{HERE}.OwnWords")
    [message] = found()
    assert "SMS_OTP_BACKENDS['default']" in message.msg


def test_a_site_that_tells_people_in_another_way(settings: Any) -> None:
    having(settings, f"{HERE}.OwnWords")
    with override_sms_otp(NOTIFY_OLD_NUMBER=False):
        assert found() == []


@pytest.mark.parametrize(
    "backend", ["django_sms_otp.backends.locmem.SMSBackend", "nowhere.Else"]
)
def test_w021_is_silent_of_others(settings: Any, backend: str) -> None:
    having(settings, backend)
    assert found() == []
