"""Settings of the test suite."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .support.databases import database_config
from .support.engines import DUMMY

SECRET_KEY = "tests-only-" + "k" * 40
DATABASES = {"default": database_config()}
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "knox",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_simplejwt.token_blacklist",
    "django_sms_otp",
    "django_tasks_db",
    "tests.support.customers",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": ["tests/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SMS_OTP = {"CODE_LIFETIME": timedelta(minutes=10)}
TASKS = DUMMY
MIGRATION_MODULES = {"django_tasks_database": None}
SMS_OTP_BACKENDS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
}
