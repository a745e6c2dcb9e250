from __future__ import annotations

import json
import os

from benchmarks.sites.common import *  # noqa: F403
from benchmarks.sites.common import INSTALLED_APPS

INSTALLED_APPS += ["django_sms_otp"]
ROOT_URLCONF = "benchmarks.sites.own.urls"
SMS_OTP = {
    "TRUSTED_PROXY_COUNT": 1,
    "LIMITS": json.loads(os.environ.get("BENCHMARK_LIMITS", "{}")),
}
SMS_OTP_BACKENDS = {
    "default": {
        "BACKEND": "benchmarks.sites.own.gateway.SMSBackend",
        "OPTIONS": {"path": os.environ["BENCHMARK_NOTES"]},
    }
}
