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
FROZEN = """
import gc
from dataclasses import dataclass
@dataclass(frozen=True)
class Control: pass
for each in gc.get_objects():
    if issubclass(type(each), type):
        params = vars(each).get("__dataclass_params__")
        if params and params.frozen:
            print(each.__module__)
"""
APART = [
    "django_sms_otp.checks",
    "django_sms_otp.backends.composite.circuits",
    "django_sms_otp.management",
    "django_sms_otp.controls.stores.store",
    "django_sms_otp.testing",
    "django_sms_otp.webhooks",
    "phonenumbers",
    "twilio",
]
"""Loaded by whoever needs it first: most processes never do, or not at once."""


def started(shown: str, settings: str = "") -> list[str]:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    variables = environment(OWN, database)
    told = subprocess.run(
        [sys.executable, "-c", f"from {start.__name__} import main; main(); print()\n{shown}"],
        env=variables | ({"DJANGO_SETTINGS_MODULE": settings} if settings else {}),
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


@pytest.mark.parametrize("settings", ["", "tests.settings"])
def test_no_methods_are_written_for_values(settings: str) -> None:
    """A frozen dataclass takes as long to import as eighteen values. With the admin, too."""
    found = started(FROZEN, settings)
    assert "__main__" in found
    assert [name for name in found if name.startswith("django_sms_otp.")] == []
