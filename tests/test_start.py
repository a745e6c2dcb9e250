"""What a process of a site loads before its first request."""

from __future__ import annotations

import subprocess
import sys

import pytest

READY = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
from django.urls import resolve
django.setup()
resolve("/auth/sms/get-code/")
print(*sys.modules)
"""
APART = ["twilio", "boto3", "apprise", "redis", "prometheus_client"]
"""Loaded when they are first needed: most sites need few of them."""


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
