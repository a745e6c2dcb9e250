"""Settings of the server processes that tests start; server.py sets the variables."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

from ..settings import *  # noqa: F403
from ..settings import DATABASES, SMS_OTP_BACKENDS
from .clock import follow

DATABASES["default"].update(json.loads(os.environ["TEST_SERVER_DATABASE"]))
SMS_OTP_BACKENDS["default"] = {
    "BACKEND": os.environ.get("TEST_SERVER_BACKEND", "django_sms_otp.backends.file.SMSBackend"),
    "OPTIONS": {"path": os.environ["TEST_SERVER_MESSAGES"]},
}
# Django shows the traceback of a 500 under DEBUG alone; the tests look for it in the log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

if "TEST_SERVER_SMS_OTP" in os.environ:
    SMS_OTP = json.loads(os.environ["TEST_SERVER_SMS_OTP"])
    if "STALE_AFTER" in SMS_OTP:
        # In days: JSON has no durations.
        SMS_OTP["STALE_AFTER"] = timedelta(days=SMS_OTP["STALE_AFTER"])

if "TEST_SERVER_CLOCK" in os.environ:
    follow(Path(os.environ["TEST_SERVER_CLOCK"]))
