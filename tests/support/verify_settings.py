"""Settings of the server processes whose codes Twilio Verify makes."""

from __future__ import annotations

import os

from . import fake_verify
from .fault_settings import *  # noqa: F403
from .fault_settings import SMS_OTP_BACKENDS

SMS_OTP_BACKENDS["default"] = {
    **fake_verify.backend(os.environ["TEST_SERVER_GATEWAY"], timeout=2),
    "BACKEND": "tests.support.faults.verify_backend.SMSBackend",
}
