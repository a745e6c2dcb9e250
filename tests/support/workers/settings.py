"""Settings of the workers that tests start; process.py sets the variables."""

from __future__ import annotations

import json
import os

from tests.support.engines import DATABASE
from tests.support.server_settings import *  # noqa: F403
from tests.support.server_settings import INSTALLED_APPS, SMS_OTP, SMS_OTP_BACKENDS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.workers"]
SMS_OTP_BACKENDS["default"] = {
    "BACKEND": "tests.support.workers.gateway.SMSBackend",
    "OPTIONS": {"path": os.environ["TEST_SERVER_MESSAGES"]},
}
SMS_OTP = {**SMS_OTP, **json.loads(os.environ["TEST_WORKER_SMS_OTP"])}
TASKS = DATABASE
