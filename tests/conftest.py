"""What every test gets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.db import connection
from django.test import Client
from django.utils import translation

from django_sms_otp import testing

from .support import mariadb
from .support.valkey import valkey_server  # noqa: F401  (a fixture)

PHONE = "+14155552671"

# A busy machine is no error of the code under test.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


WITHOUT_DATABASE = (
    "tests/backends/twilio/",
    "tests/limits/test_addresses.py",
    "tests/backends/test_apprise.py",
    "tests/backends/test_aws.py",
    "tests/test_codes.py",
    "tests/testing/test_contract.py",
    "tests/testing/test_contract_catches.py",
    "tests/backends/test_deadlines.py",
    "tests/test_phone.py",
    "tests/limits/test_rates.py",
    "tests/controls/test_stores.py",
    "tests/backends/test_twilio_verify.py",
    "tests/backends/test_webhook.py",
)
"""Modules of which most tests touch no database. Those run with SQLite alone, once a Python;
pytest-django sees to it that what asks for none gets none."""

WHATEVER_DATABASE = ("tests/docs/",)
"""Modules to which it is the same which database there is."""


ONE_PYTHON = (
    "tests/attacks/",
    "tests/api/test_enumeration_time.py",
    "tests/db/test_plans.py",
    "tests/docs/",
)
"""Modules that take long or do not depend on the Python. They run with one Python alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {item for item in items if _is_left_out(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    if os.environ.get("TEST_EVERYTHING") == "no" and item.nodeid.startswith(ONE_PYTHON):
        return True
    return connection.vendor != "sqlite" and _is_for_sqlite_alone(item)


def _is_for_sqlite_alone(item: pytest.Item) -> bool:
    if item.nodeid.startswith(WHATEVER_DATABASE):
        return True
    asks = item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ())
    return item.nodeid.startswith(WITHOUT_DATABASE) and not asks


def pytest_sessionstart() -> None:
    """Say it, and stop, where there is no server to run the tests on."""
    if connection.vendor == "mysql" and (refusal := mariadb.refusal(connection.settings_dict)):
        pytest.exit(refusal.text, refusal.exit_code)


@pytest.fixture(autouse=True)
def empty_outbox() -> Iterator[None]:
    testing.outbox.clear()
    yield
    testing.outbox.clear()


@pytest.fixture(autouse=True)
def no_language() -> Iterator[None]:
    """The language of one test's request is not that of the next test."""
    yield
    translation.deactivate()


Post = Callable[..., Any]


@pytest.fixture
def get_code(client: Client, db: None) -> Post:
    """Post JSON to ``get-code``; without arguments, for one and the same number."""

    def post(**body: object) -> Any:
        body = body or {"phone_number": PHONE}
        return client.post("/auth/sms/get-code/", body, content_type="application/json")

    return post


@pytest.fixture
def auth_code(client: Client, db: None) -> Post:
    """Post JSON to ``auth-code``."""

    def post(**body: object) -> Any:
        return client.post("/auth/sms/auth-code/", body, content_type="application/json")

    return post


def wrong(code: str) -> str:
    """Return a code of the same length that is not ``code``."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def body_of(response: Any) -> dict[str, Any]:
    """Return the JSON object that was answered."""
    body: dict[str, Any] = json.loads(response.content)
    return body


def last_code() -> str:
    """Return the digits of the newest message."""
    code = testing.outbox[-1].code
    assert code
    return code
