"""A site with django-axes, set up as its documentation says."""

from __future__ import annotations

from datetime import timedelta

from .base import *  # noqa: F403
from .base import INSTALLED_APPS as BASE_APPS

INSTALLED_APPS = [
    *BASE_APPS,
    "django.contrib.sessions",
    "axes",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django_sms_otp.auth.backends.SMSCodeBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 3
AXES_COOLOFF_TIME = timedelta(hours=1)
SILENCED_SYSTEM_CHECKS = ["axes.W002"]
"""Its middleware answers for the app; without it the answers are the app's own."""
