"""Checks of the databases' connections. No connection is made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from django_sms_otp.checks import databases

from .test_checks import DATABASE_IDS, found

FAR = {"HOST": "db.internal", "PORT": "", "OPTIONS": {}}
PREPARED = {"prepare_threshold": 0}


def found_with(monkeypatch: pytest.MonkeyPatch, vendor: str, **changes: Any) -> set[str]:
    """Return the ids that are found with another database."""
    connection = SimpleNamespace(vendor=vendor, settings_dict={**FAR, **changes})
    monkeypatch.setattr(databases, "connections", {"default": connection})
    return set(found(deploy=True)) & DATABASE_IDS


@pytest.mark.parametrize("vendor", ["postgresql", "mysql"])
def test_w017_a_host_that_vanishes_holds_a_thread(
    monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    assert found_with(monkeypatch, vendor) == {"sms_otp.W017"}
    zero = {"tcp_user_timeout": 0, "read_timeout": None}
    assert found_with(monkeypatch, vendor, OPTIONS=zero) == {"sms_otp.W017"}


@pytest.mark.parametrize(
    ("vendor", "changes"),
    [
        ("postgresql", {"OPTIONS": {"tcp_user_timeout": 15_000}}),
        ("postgresql", {"OPTIONS": {"keepalives_idle": 10}}),
        ("postgresql", {"OPTIONS": {"service": "shop"}}),
        ("postgresql", {"HOST": "/run/postgresql"}),
        ("postgresql", {"HOST": "", "OPTIONS": {"host": "/run/postgresql"}}),
        ("mysql", {"OPTIONS": {"read_timeout": 15}}),
        ("mysql", {"HOST": "127.0.0.1"}),
        ("sqlite", {}),
    ],
)
def test_w017_is_silent_where_waits_end_or_the_server_is_on_this_host(
    monkeypatch: pytest.MonkeyPatch, vendor: str, changes: dict[str, Any]
) -> None:
    assert found_with(monkeypatch, vendor, **changes) == set()


@pytest.mark.parametrize("sign", [{"DISABLE_SERVER_SIDE_CURSORS": True}, {"PORT": 6432}])
def test_w018_statements_are_prepared_behind_a_pooler(
    monkeypatch: pytest.MonkeyPatch, sign: dict[str, Any]
) -> None:
    changes = {"HOST": "localhost", "OPTIONS": PREPARED, **sign}
    assert found_with(monkeypatch, "postgresql", **changes) == {"sms_otp.W018"}


@pytest.mark.parametrize(
    "changes",
    [
        {"OPTIONS": PREPARED, "PORT": "5432"},
        {"PORT": "6432", "DISABLE_SERVER_SIDE_CURSORS": True},
    ],
)
def test_w018_is_silent_without_a_pooler_or_without_plans(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    assert found_with(monkeypatch, "postgresql", HOST="localhost", **changes) == set()


def test_every_id_is_tested_here() -> None:
    tests = str(list(globals()))
    assert all(f"test_{each[8:].lower()}_is_silent" in tests for each in DATABASE_IDS)
