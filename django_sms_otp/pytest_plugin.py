"""For the tests of a site that runs pytest: an empty outbox, and three fixtures.

pytest loads this module wherever the package is installed, also for tests that have to do with
neither this app nor Django. So it imports nothing at its top but pytest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.test import Client

    from .backends import SMSMessage

LOCMEM = "django_sms_otp.backends.locmem"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Empty the outbox before each test and its fixtures."""
    # Only a process that has sent a message has imported the backend.
    if module := sys.modules.get(LOCMEM):
        module.outbox.clear()


@pytest.fixture
def sms_outbox() -> Iterator[list[SMSMessage]]:
    """The messages of this test, oldest first. None leaves, whatever the settings name."""
    from .testing.settings import sms_in_memory

    with sms_in_memory() as outbox:
        yield outbox


@pytest.fixture
def code_for(sms_outbox: list[SMSMessage]) -> Callable[[str], str]:
    """``code_for(number)`` returns the newest code that was sent to the number."""
    from . import testing

    return testing.code_for


@pytest.fixture
def log_in(
    request: pytest.FixtureRequest, sms_outbox: list[SMSMessage]
) -> Callable[[Client, str], AbstractBaseUser]:
    """``log_in(client, number)`` logs the client in by SMS, and returns the user."""
    from . import testing

    if request.config.pluginmanager.hasplugin("django"):
        request.getfixturevalue("db")
    return testing.log_in
