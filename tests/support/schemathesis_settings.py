"""The settings of the example site, with test numbers: Schemathesis reads no message."""

from __future__ import annotations

from example.settings import *  # noqa: F403
from example.settings import SMS_OTP

from .schemathesis_hooks import CODE, TEST_NUMBERS

SMS_OTP["TEST_NUMBERS"] = {number: {"code": CODE} for number in TEST_NUMBERS}
