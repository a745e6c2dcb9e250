"""What a process of a site loads before its first request."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = """
import sys
print(*sys.modules, sep="\\n")
"""
READY = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
from django.urls import resolve
django.setup()
resolve("/auth/sms/get-code/")
print(*sys.modules)
"""
APART = [
    "django_sms_otp.backends.composite.circuits",
    "django_sms_otp.management",
    "django_sms_otp.controls.stores.store",
    "django_sms_otp.testing",
    "django_sms_otp.webhooks.twilio",
    "twilio",
]
"""Loaded by whoever needs it first: most processes never do, or not at once."""


@pytest.fixture(scope="module")
def modules() -> list[str]:
    """Return what a process has loaded that is ready to answer."""
    command = [sys.executable, "-c", READY]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def test_the_endpoints_are_ready(modules: list[str]) -> None:
    assert {"django_sms_otp.api.views", "django_sms_otp.services.redeem"} <= {*modules}


@pytest.mark.parametrize("name", APART)
def test_a_start_does_not_load(name: str, modules: list[str]) -> None:
    assert name not in modules
