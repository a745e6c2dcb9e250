"""The settings of production, so far as they matter: a gateway, limits, a challenge."""

from __future__ import annotations

from typing import Any

SECRET_KEY = "tests-only-" + "t" * 40
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "django_sms_otp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.support.tested_site.urls"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication"
    ]
}
SECURE_SSL_REDIRECT = True
SMS_OTP: dict[str, Any] = {
    "CHALLENGE": "tests.support.tested_site.urls.NobodyIsHuman",
    "CONTROL_MODES": {"challenge": "enforce", "region": "enforce"},
    "ALLOWED_REGIONS": ["US", "GB"],
}
SMS_OTP_BACKENDS: dict[str, Any] = {
    "default": {
        "BACKEND": "django_sms_otp.backends.webhook.SMSBackend",
        "OPTIONS": {"url": "https://127.0.0.1:9/", "secret": "s" * 32},
    }
}
