"""Checks of background delivery: each speaks up where jobs go astray, and not elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_sms_otp.testing import override_sms_otp

from ..support.engines import DATABASE, DUMMY, IMMEDIATE, celery_app
from .test_checks import QUEUE_IDS, found

CAP = {"LIMITS": {"site": "500/h"}}


@pytest.fixture(autouse=True)
def gateway() -> Iterator[None]:
    backend = {"BACKEND": "tests.checks.test_checks.RealBackend"}
    with override_settings(SMS_OTP_BACKENDS={"default": backend}):
        yield


def found_with(tasks: dict[str, Any], **keys: Any) -> list[str]:
    keys = {"DELIVERY": "tasks", **CAP, **keys}
    with override_sms_otp(**keys), override_settings(TASKS=tasks):
        return list(found(deploy=True))


def found_with_celery(broker: str = "memory://", eager: bool = False, **keys: Any) -> list[str]:
    keys = {"DELIVERY": "celery", **CAP, **keys}
    with override_sms_otp(**keys), celery_app(broker, task_always_eager=eager):
        return list(found(deploy=True))


@pytest.mark.parametrize("tasks", [IMMEDIATE, DUMMY], ids=["immediate", "dummy"])
def test_e019_numbers_are_ignored_and_jobs_have_no_worker(tasks: dict[str, Any]) -> None:
    assert found_with(tasks, UNKNOWN_NUMBERS="ignore") == ["sms_otp.E019"]


def test_e019_numbers_are_ignored_and_celery_is_eager() -> None:
    assert found_with_celery(eager=True, UNKNOWN_NUMBERS="ignore") == ["sms_otp.E019"]


def test_e019_is_silent_on_workers_and_so_is_e007() -> None:
    assert found_with(DATABASE, UNKNOWN_NUMBERS="ignore") == []
    assert found_with_celery(UNKNOWN_NUMBERS="ignore") == []


def test_e020_a_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    monkeypatch.delitem(sys.modules, "django_sms_otp.delivery.queues.celery", raising=False)
    with override_sms_otp(DELIVERY="celery"):
        text = found()["sms_otp.E020"]
    assert "'celery', but celery is missing: pip install 'django-sms-otp[celery]'." in text


def test_e020_a_queue_that_the_framework_does_not_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = {"default": {**DATABASE["default"], "QUEUES": ["default"]}}
    missing = "DELIVERY_QUEUE 'sms' is not in the QUEUES of TASKS['default']."
    keys = {"DELIVERY": "tasks", "DELIVERY_QUEUE": "sms"}
    with override_sms_otp(**keys), override_settings(TASKS=tasks):
        assert missing in found()["sms_otp.E020"]
        # As in a process that has not met the engine yet.
        monkeypatch.delitem(sys.modules, "django_sms_otp.delivery.queues.tasks", raising=False)
        text = found()["sms_otp.E020"]
    assert f"SMS_OTP['DELIVERY'] is 'tasks', but {missing}" in text
    assert ".." not in text


@pytest.mark.parametrize(
    ("broker", "extra"),
    [
        ("redis://:hunter2@127.0.0.1", "redis"),
        ("sentinel://:hunter2@127.0.0.1", "redis"),
        ("sqla+sqlite:///:memory:", "sqlalchemy"),
    ],
)
def test_e020_the_package_for_the_broker_is_missing(
    broker: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("redis", "sqlalchemy"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("redis", "sqlalchemy"):
        monkeypatch.delitem(sys.modules, f"kombu.transport.{name}", raising=False)
    monkeypatch.setattr("kombu.transport._transport_cache", {})
    with override_sms_otp(DELIVERY="celery"), celery_app(broker):
        text = found()["sms_otp.E020"]
    assert f"pip install 'celery[{extra}]'" in text
    assert "hunter2" not in text


def test_e020_the_package_for_the_first_of_several_brokers_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "kombu.transport.redis", raising=False)
    monkeypatch.setattr("kombu.transport._transport_cache", {})
    brokers = ["redis://:hunter2@127.0.0.1", "redis://:hunter2@127.0.0.2"]
    with override_sms_otp(DELIVERY="celery"), celery_app("", broker_url=brokers):
        text = found()["sms_otp.E020"]
    assert "redis://" in text
    assert "pip install 'celery[redis]'" in text
    assert "hunter2" not in text


def test_e020_a_broker_that_celery_does_not_know() -> None:
    with override_sms_otp(DELIVERY="celery"), celery_app("reddis://127.0.0.1"):
        assert "No such transport: reddis" in found()["sms_otp.E020"]


def test_e020_celery_knows_no_broker() -> None:
    assert found_with_celery(broker="") == ["sms_otp.E020"]


def test_e020_is_silent_on_an_engine_that_takes_jobs() -> None:
    tasks = {"default": {**DATABASE["default"], "QUEUES": ["default", "sms"]}}
    assert found_with(tasks, DELIVERY_QUEUE="sms") == []
    assert found_with_celery(DELIVERY_QUEUE="sms") == []


@pytest.mark.parametrize("tasks", [IMMEDIATE, DUMMY], ids=["immediate", "dummy"])
def test_w016_jobs_have_no_worker(tasks: dict[str, Any]) -> None:
    assert found_with(tasks) == ["sms_otp.W016"]


@pytest.mark.parametrize("broker", ["memory://", ""])
def test_w016_celery_is_eager_and_needs_no_broker(broker: str) -> None:
    assert found_with_celery(broker, eager=True) == ["sms_otp.W016"]


def test_w016_is_silent_on_workers() -> None:
    assert found_with(DATABASE) == []
    assert found_with_celery() == []


def test_w016_is_silent_before_deployment() -> None:
    with override_sms_otp(DELIVERY="tasks"), override_settings(TASKS=IMMEDIATE):
        assert found() == {}


def test_w009_is_silent_on_workers() -> None:
    assert found_with(DATABASE, UNVERIFIED_BUDGET={}) == []


def test_every_id_is_tested_here() -> None:
    assert all(
        f"test_{each[8:].lower()}_is_silent" in str(list(globals())) for each in QUEUE_IDS
    )
