"""What every test gets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation

from django_sms_otp import testing

from .support import mariadb
from .support.faults.outage import close_all_others
from .support.openapi import watch_clients
from .support.valkey import counted_in, valkey_server  # noqa: F401  (fixtures)

PHONE = "+14155552671"

# A busy machine is no error of the code under test.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


ON_SERVERS = (
    "tests/admin/",
    "tests/api/test_api.py",
    "tests/api/test_asgi",
    "tests/api/test_enumeration_sql.py",
    "tests/api/test_enumeration_time.py",
    "tests/api/test_numbers.py",
    "tests/api/test_outages.py",
    "tests/api/test_site_differences.py",
    "tests/attacks/",
    "tests/auth/",
    "tests/backends/test_circuits.py",
    "tests/backends/test_failover.py",
    "tests/controls/",
    "tests/db/",
    "tests/delivery/",
    "tests/limits/",
    "tests/management/",
    "tests/services/",
    "tests/stats/",
    "tests/test_models.py",
    "tests/web/test_login.py",
    "tests/web/test_numbers.py",
    "tests/webhooks/test_receipts.py",
)
"""Modules whose statements a server may take in another way than SQLite. Of these, the tests
that touch a database run on servers too, and all others on SQLite alone."""

POSTGRES_ALONE = (
    "tests/api/test_enumeration_time.py",
    "tests/attacks/test_attacks.py::test_attacks_get_what_the_limits_allow",
    "tests/delivery/test_workers.py",
    "tests/services/test_gateway_code_faults.py",
)
"""Tests of many requests and processes, which run on the database that most sites have."""

ONCE = (
    "tests/api/test_enumeration_time.py",
    "tests/attacks/",
    "tests/db/test_interleaving_machinery.py",
    "tests/db/test_plans.py",
    "tests/docs/",
    "tests/package/",
)
"""Modules that no Python and no Django changes."""

SLOW = (
    "tests/api/test_asgi_gateway.py",
    "tests/api/test_enumeration.py",
    "tests/api/test_enumeration_aside.py",
    "tests/api/test_enumeration_sql.py",
    "tests/api/test_enumeration_time.py",
    "tests/api/test_properties.py",
    "tests/api/test_site_differences.py",
    "tests/attacks/",
    "tests/backends/test_deadlines.py",
    "tests/backends/twilio/test_deadline.py",
    "tests/db/test_concurrency.py",
    "tests/db/test_databases.py",
    "tests/db/test_hosts.py",
    "tests/db/test_interleavings.py",
    "tests/db/test_isolation.py",
    "tests/db/test_number_concurrency.py",
    "tests/db/test_number_interleavings.py",
    "tests/db/test_plans.py",
    "tests/db/test_staff_interleavings.py",
    "tests/db/test_verify_interleavings.py",
    "tests/delivery/test_workers.py",
    "tests/docs/test_blocks.py",
    "tests/docs/test_tutorial.py",
    "tests/services/test_faults.py",
    "tests/services/test_gateway_code_faults.py",
    "tests/testing/test_sites.py",
)
"""Modules that start processes, wait, or go through all orders and all kinds."""

DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences"})


ENDS = (
    "tests/api/test_openapi",
    "tests/api/test_spectacular.py",
    "tests/backends/",
    "tests/conf/",
    "tests/contrib/",
    "tests/controls/",
    "tests/delivery/",
    "tests/limits/",
    "tests/phone/",
    "tests/services/",
    "tests/test_codes.py",
    "tests/test_locale.py",
    "tests/test_reports.py",
    "tests/testing/",
    "tests/webhooks/",
)
"""Modules that run with the oldest and the newest pair of Python and Django, and not with those
between. They test gateways, libraries or plain Python; what they use of Django, others test."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Mark tests by their module, before ``-m`` chooses, and leave out other databases'."""
    for item in items:
        for mark, modules in (("once", ONCE), ("slow", SLOW), ("ends", ENDS)):
            if item.nodeid.startswith(modules):
                item.add_marker(mark)
    left_out = {item for item in items if not _is_for_this_database(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
    yield
    # Otherwise a long module that begins last keeps all processes but one waiting.
    items.sort(key=lambda item: not item.get_closest_marker("slow"))


def _is_for_this_database(item: pytest.Item) -> bool:
    if not _touches_database(item):
        return connection.vendor == "sqlite"
    if item.nodeid.startswith(POSTGRES_ALONE):
        return connection.vendor == "postgresql"
    return connection.vendor == "sqlite" or item.nodeid.startswith(ON_SERVERS)


def _touches_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("django_db")) or not DATABASE_FIXTURES.isdisjoint(
        fixtures
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line why tests were skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        told = "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"Skipped: {told}")


def pytest_sessionstart() -> None:
    """Say it, and stop, where there is no server to run the tests on."""
    if connection.vendor == "mysql" and (refusal := mariadb.refusal(connection.settings_dict)):
        pytest.exit(refusal, 1)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Close what processes of the tests have left open: no database is dropped before that."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            close_all_others()


@pytest.fixture(autouse=True)
def same_settings() -> Iterator[None]:
    """A test leaves the settings as they were.

    The fixture ``settings`` of pytest-django, if it is set within ``override_settings``, brings
    the override back at the end of the test.
    """
    before = settings.SMS_OTP
    yield
    assert settings.SMS_OTP is before, "Override the settings by one of the two ways alone."


@pytest.fixture(scope="session", autouse=True)
def documented_answers() -> Iterator[None]:
    """Every answer of the API that a test sees is as openapi.yaml says."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        watch_clients(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def empty_outbox() -> Iterator[None]:
    testing.outbox.clear()
    yield
    testing.outbox.clear()


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """A verdict of one test's look-up is not the next test's."""
    yield
    cache.clear()


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
