"""Settings of the server processes that tests start."""

from __future__ import annotations

import os
from typing import Any

from .settings import *  # noqa: F403
from .settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_SERVER_DATABASE"]
SMS_OTP_BACKENDS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_sms_otp.backends.file.SMSBackend",
        "OPTIONS": {"path": os.environ["TEST_SERVER_MESSAGES"]},
    }
}
