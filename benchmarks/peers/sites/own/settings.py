from __future__ import annotations

from benchmarks.peers.sites.common import *  # noqa: F403
from benchmarks.peers.sites.common import INSTALLED_APPS

INSTALLED_APPS += ["django_sms_otp"]
ROOT_URLCONF = "benchmarks.peers.sites.own.urls"
SMS_OTP = {"TRUSTED_PROXY_COUNT": 1}
SMS_OTP_BACKENDS = {"default": {"BACKEND": "django_sms_otp.backends.dummy.SMSBackend"}}
