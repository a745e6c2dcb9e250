"""Settings of the server processes that meet faults."""

from __future__ import annotations

import os

from .server_settings import *  # noqa: F403
from .server_settings import DATABASES, INSTALLED_APPS, MIDDLEWARE, SMS_OTP_BACKENDS

DATABASE = DATABASES["default"]
# Connections are kept, so that one which was broken stays so unless somebody sees to it.
DATABASE["CONN_MAX_AGE"] = None
if DATABASE["ENGINE"].endswith("sqlite3"):
    DATABASE["OPTIONS"] = {"timeout": 1}
if "TEST_SERVER_DATABASE_PORT" in os.environ:
    DATABASE["HOST"] = "127.0.0.1"
    DATABASE["PORT"] = os.environ["TEST_SERVER_DATABASE_PORT"]
    DATABASE["CONN_HEALTH_CHECKS"] = True
    DATABASE.get("OPTIONS", {}).pop("host", None)

INSTALLED_APPS += ["tests.support.faults"]
MIDDLEWARE += ["tests.support.faults.middleware.fault_middleware"]

SMS_OTP_BACKENDS["default"]["BACKEND"] = "tests.support.faults.backend.SMSBackend"
if "TEST_SERVER_GATEWAY" in os.environ:
    SMS_OTP_BACKENDS["default"] = {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {
            "account_sid": "AC" + "1" * 32,
            "auth_token": "token",
            "from_number": "+15005550006",
            "timeout": 3,
            "base_url": os.environ["TEST_SERVER_GATEWAY"],
        },
    }
