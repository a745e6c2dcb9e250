"""What a process of a site loads before its first request."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.peers.contestants import OWN
from benchmarks.peers.inside import start
from benchmarks.peers.process import environment

MODULES = """
import sys
print(*sys.modules, sep="\\n")
"""
DATACLASSES = """
import gc
from dataclasses import is_dataclass
for each in gc.get_objects():
    if issubclass(type(each), type) and is_dataclass(each) and "__init__" in vars(each):
        print(each.__module__)
"""
APART = [
    "django_sms_otp.admin",
    "django_sms_otp.checks",
    "django_sms_otp.circuits",
    "django_sms_otp.management",
    "django_sms_otp.stores.store",
    "django_sms_otp.testing",
    "django_sms_otp.webhooks",
    "phonenumbers",
    "twilio",
]
"""Loaded by whoever needs it first: most processes never do, or not at once."""


def started(shown: str) -> list[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"from {start.__name__} import main; main(); print()\n{shown}"],
        env=environment(OWN, {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return told.splitlines()[1:]


@pytest.fixture(scope="module")
def modules() -> list[str]:
    return started(MODULES)


def test_the_endpoints_are_ready(modules: list[str]) -> None:
    assert {"django_sms_otp.api.views", "django_sms_otp.services.redeem"} <= {*modules}


@pytest.mark.parametrize("name", APART)
def test_a_start_does_not_load(name: str, modules: list[str]) -> None:
    assert name not in modules


def test_no_methods_are_written_for_values() -> None:
    """A frozen dataclass of its own takes as long to import as eighteen values."""
    found = started(DATACLASSES)
    assert [name for name in found if name.startswith("django_sms_otp.")] == []
    assert found  # Django's own.
