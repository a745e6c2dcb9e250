"""Settings of a server over ASGI, with a gateway that the test has started."""

from __future__ import annotations

import os

from .server_settings import *  # noqa: F403
from .server_settings import MIDDLEWARE, SMS_OTP_BACKENDS

ROOT_URLCONF = "tests.support.asgi_urls"
SMS_OTP_BACKENDS["default"] = {
    "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
    "OPTIONS": {
        "account_sid": "AC" + "1" * 32,
        "auth_token": "token",
        "from_number": "+15005550006",
        "timeout": 30,
        "base_url": os.environ["TEST_SERVER_GATEWAY"],
    },
}
if "TEST_SERVER_SYNC_MIDDLEWARE" in os.environ:
    MIDDLEWARE = [*MIDDLEWARE, "tests.support.asgi_urls.sync_middleware"]
