"""What refuses or withholds a message has words."""

from __future__ import annotations

import pytest

from django_sms_otp.admin.words import describe_control, meaning_of
from django_sms_otp.conf.choices import CONTROLS
from django_sms_otp.limits.staff_rules import BLOCKED
from django_sms_otp.models import TEST_NUMBER

WITHOUT_MODE = ("cooldown", "unknown_number", BLOCKED, TEST_NUMBER)
"""What no entry of ``CONTROL_MODES`` turns off."""


@pytest.mark.parametrize("control", [*CONTROLS, *WITHOUT_MODE])
def test_each_control_has_words(control: str) -> None:
    assert meaning_of(control)
    assert describe_control(control) == f"{control}: {meaning_of(control)}"
