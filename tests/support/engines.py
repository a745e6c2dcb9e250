"""The engines that tests hand jobs to, and the brokers behind them."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
from celery import Celery, current_app

__all__ = ["DATABASE", "DUMMY", "IMMEDIATE", "RABBITMQ", "celery_app", "rabbitmq_answers"]

FRAMEWORK = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"


def _tasks(backend: str) -> dict[str, dict[str, Any]]:
    return {"default": {"BACKEND": backend, "QUEUES": []}}


DUMMY = _tasks(f"{FRAMEWORK}.backends.dummy.DummyBackend")
"""A setting ``TASKS``: jobs are taken, and nobody works them off."""

IMMEDIATE = _tasks(f"{FRAMEWORK}.backends.immediate.ImmediateBackend")
DATABASE = _tasks("django_tasks_db.DatabaseBackend")

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


def rabbitmq_answers() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", 5672)) == 0


@contextmanager
def celery_app(broker: str, *, task_cls: Any = None, **config: Any) -> Iterator[Celery]:
    """Have a Celery app of this broker, as a project's own: what ``shared_task`` belongs to."""
    before = current_app._get_current_object()
    # A name of its own: kombu keeps connections by what they are of.
    name = f"tests-{uuid.uuid4().hex}"
    app = Celery(name, broker=broker, task_cls=task_cls, set_as_current=True)
    app.conf.update(config)
    app.set_default()
    try:
        yield app
    finally:
        app.close()
        before.set_current()
        before.set_default()
