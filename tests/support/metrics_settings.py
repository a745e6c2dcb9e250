"""Settings of a server that is measured."""

from __future__ import annotations

from .server_settings import *  # noqa: F403
from .server_settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django_sms_otp.contrib.prometheus",
    "django_sms_otp.contrib.opentelemetry",
]
