"""Settings of the workers that tests start; tests/workers/process.py sets the variables."""

from __future__ import annotations

import json
import os

from tests.engines import DATABASE
from tests.server_settings import *  # noqa: F403
from tests.server_settings import INSTALLED_APPS, SMS_OTP, SMS_OTP_BACKENDS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.workers"]
SMS_OTP_BACKENDS["default"] = {
    "BACKEND": "tests.workers.gateway.SMSBackend",
    "OPTIONS": {"path": os.environ["TEST_SERVER_MESSAGES"]},
}
SMS_OTP = {**SMS_OTP, **json.loads(os.environ["TEST_WORKER_SMS_OTP"])}
TASKS = DATABASE
