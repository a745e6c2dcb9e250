"""A browser for the session, and for each test a person with a browser profile of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.backends.twilio.kit import OPTIONS

from . import chromium
from .person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NewPerson = Callable[..., Person]

POLICIES = ["tests.browser.site.StrictPolicy"]
if django.VERSION >= (6, 0):
    POLICIES.append("django.middleware.csp.ContentSecurityPolicyMiddleware")

TWILIO = {"BACKEND": "django_sms_otp.backends.twilio.SMSBackend", "OPTIONS": OPTIONS}

PATIENCE = 10_000
"""Milliseconds until what does not come is an error. A busy machine is none."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", action="store_true", help="make the pictures of docs/pictures anew"
    )


def pytest_sessionstart() -> None:
    """Say what is missing, and stop."""
    if refusal := chromium.missing():
        pytest.exit(refusal, 1)


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """A server of the site of these tests, in a thread of this process."""
    with override_settings(
        ROOT_URLCONF="tests.browser.site",
        MIDDLEWARE=[*POLICIES, *settings.MIDDLEWARE],
        LOGIN_REDIRECT_URL="/",
        # What the pages of staff tell of: nothing is sent by it.
        SMS_OTP_BACKENDS={**settings.SMS_OTP_BACKENDS, "twilio": TWILIO},
    ):
        server = LiveServer("localhost")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as monkeypatch, sync_playwright() as playwright:
        # Playwright runs its event loop in this thread, between its calls alone: nothing of
        # Django keeps it waiting.
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = chromium.launch(playwright)
        yield running
        running.close()


@pytest.fixture
def new_person(
    browser: Browser, live_server: LiveServer, transactional_db: None
) -> Iterator[NewPerson]:
    """Return a function that makes a person; its keywords are those of a browser context."""
    people: list[Person] = []

    def make(**options: Any) -> Person:
        options = {"base_url": live_server.url, "locale": "en-US", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        people.append(Person(context, live_server.url))
        return people[-1]

    yield make
    for person in people:
        person.context.close()
    assert [each for person in people for each in person.complaints] == []


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    return new_person()
