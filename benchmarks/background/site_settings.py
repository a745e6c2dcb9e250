"""A site that hands its messages to an engine; its gateway drops everything."""

from __future__ import annotations

import os

from celery import Celery

from tests.engines import DATABASE
from tests.server_settings import *  # noqa: F403

SMS_OTP_BACKENDS = {"default": {"BACKEND": "django_sms_otp.backends.dummy.SMSBackend"}}
TASKS = DATABASE

celery_app = Celery("benchmark", broker=os.environ["BENCHMARK_BROKER"])

# Connecting would take longer than all that is compared.
DATABASES["default"]["CONN_MAX_AGE"] = None  # noqa: F405
