"""Settings of the server processes that tests start."""

from __future__ import annotations

import os

from .settings import *  # noqa: F403
from .settings import DATABASES, SMS_OTP_BACKENDS

DATABASES["default"]["NAME"] = os.environ["TEST_SERVER_DATABASE"]
SMS_OTP_BACKENDS["default"] = {
    "BACKEND": "django_sms_otp.backends.file.SMSBackend",
    "OPTIONS": {"path": os.environ["TEST_SERVER_MESSAGES"]},
}
