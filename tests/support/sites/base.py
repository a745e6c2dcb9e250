"""What the tiny sites have in common."""

from __future__ import annotations

from typing import Any

SECRET_KEY = "tests-only-" + "s" * 40
DATABASES: dict[str, Any] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
}
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_sms_otp",
    "tests.support.customers",
]
ROOT_URLCONF = "tests.support.sites.urls"
USE_TZ = True
SMS_OTP: dict[str, Any] = {}
SMS_OTP_BACKENDS = {"default": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}}
