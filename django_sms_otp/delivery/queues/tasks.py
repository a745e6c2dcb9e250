"""Django's Tasks framework: ``django.tasks`` since Django 6.0, else the package django-tasks.

Workers find the tasks by their path in this module.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
from django.utils import timezone
from django.utils.module_loading import import_string

from ...conf import get_settings
from ...exceptions import InvalidSettings, NotQueued
from .. import deliver_queued

__all__ = ["deliver", "enqueue_message", "lacks_workers", "problem"]

framework: Any = import_module("django.tasks" if django.VERSION >= (6, 0) else "django_tasks")


def _queue() -> str:
    """Return the queue of the messages.

    :raises InvalidSettings: the backend has no such queue. Its own error names no setting.
    """
    queue = get_settings().DELIVERY_QUEUE or str(framework.DEFAULT_TASK_QUEUE_NAME)
    known = framework.default_task_backend.queues
    if known and queue not in known:
        raise InvalidSettings(
            f"DELIVERY_QUEUE {queue!r} is not in the QUEUES of TASKS['default']."
        )
    return queue


@framework.task(queue_name=_queue())  # type: ignore[untyped-decorator]
def deliver(request_id: str) -> None:
    """Send the message that waits for this request."""
    can_wait = deliver.get_backend().supports_defer
    deliver_queued(uuid.UUID(request_id), enqueue_message if can_wait else None)


def enqueue_message(request_id: uuid.UUID, wait: timedelta | None = None) -> None:
    when = {"run_after": timezone.now() + wait} if wait else {}
    try:
        deliver.using(queue_name=_queue(), **when).enqueue(str(request_id))
    except Exception as error:
        # A backend may raise any error of its store.
        raise NotQueued(f"Tasks: {type(error).__name__}.") from error


def problem() -> str | None:
    try:
        deliver.using(queue_name=_queue())
    except Exception as error:
        return f"TASKS does not fit: {error}"
    return None


def lacks_workers() -> bool:
    backends = f"{framework.__name__}.backends"
    for_development = (
        import_string(f"{backends}.immediate.ImmediateBackend"),
        import_string(f"{backends}.dummy.DummyBackend"),
    )
    return isinstance(deliver.get_backend(), for_development)
