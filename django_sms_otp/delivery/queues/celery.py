"""Celery. Its workers find the task by ``django_sms_otp.tasks``."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from celery import Celery, shared_task
from django.db import Error
from kombu import pools

from ...conf import get_settings
from ...exceptions import NotQueued
from .. import deliver_queued

__all__ = ["deliver", "enqueue_message", "lacks_workers", "problem"]

TIME_OUT = 1.0
"""Seconds for each step of a broker, since somebody waits for the answer of ``get-code``. A
broker that does not answer takes three steps at most."""

BOUNDS: dict[str, dict[str, Any]] = {
    "redis": {"socket_timeout": TIME_OUT, "socket_connect_timeout": TIME_OUT},
    # Have RabbitMQ confirm each job: otherwise a broker that is out of memory drops jobs and
    # says nothing.
    "amqp": {"confirm_publish": True, "read_timeout": TIME_OUT, "write_timeout": TIME_OUT},
}
"""Options of transports of kombu, which by default wait for ever."""

CLIENTS = {"rediss": "redis", "sentinel": "redis", "sqla": "sqlalchemy"}
"""The extra of Celery for a transport of another name."""

RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
"""Try again once and at once: a broker may have closed an idle connection."""


@shared_task(  # type: ignore[untyped-decorator]
    name="django_sms_otp.deliver",
    bind=True,
    ignore_result=True,
    # A job of a killed worker goes to another worker, which sends nothing if the message had
    # been claimed.
    acks_late=True,
    reject_on_worker_lost=True,
    # A job that meets an error of the database has claimed nothing.
    autoretry_for=(Error,),
    retry_backoff=2,
    retry_backoff_max=60,
    max_retries=10,
)
def deliver(task: Any, request_id: str) -> None:
    """Send the message that waits for this request."""
    deliver_queued(uuid.UUID(request_id), None if task.request.is_eager else enqueue_message)


def enqueue_message(request_id: uuid.UUID, wait: timedelta | None = None) -> None:
    try:
        with _producers(deliver.app).acquire(block=True, timeout=TIME_OUT) as producer:
            # The task class of a site may add to a job in its apply_async(), such as the
            # tenant.
            deliver.apply_async(
                [str(request_id)],
                countdown=wait.total_seconds() if wait else None,
                queue=get_settings().DELIVERY_QUEUE,
                producer=producer,
                retry=True,
                retry_policy=RETRY_POLICY,
            )
    except Exception as error:
        # Errors of kombu, of a transport and of the system have no common class.
        raise NotQueued(f"Celery: {type(error).__name__}.") from error


def problem() -> str | None:
    """Return what is missing to reach the broker, without a connection to it."""
    if lacks_workers():
        return None
    url = deliver.app.conf.broker_write_url
    if not url:
        return (
            "Celery knows of no broker. Import the project's Celery app in the package of its "
            "settings, as Celery's documentation says, and set its broker_url."
        )
    try:
        # Each transport of kombu fails in its own way if its client is missing.
        _ = deliver.app.connection_for_write().transport
    except KeyError as error:
        return f"Celery's broker_url does not fit: {error.args[0]}"
    except Exception as error:
        # No more of the URL than its transport: the rest may hold a password.
        first = url if isinstance(url, str) else url[0]
        scheme = urlsplit(first).scheme.partition("+")[0]
        return (
            f"Celery cannot speak to a broker of {scheme}:// ({type(error).__name__}). Most "
            "likely the package for it is missing: "
            f"pip install 'celery[{CLIENTS.get(scheme, scheme)}]'."
        )
    return None


def lacks_workers() -> bool:
    return bool(deliver.app.conf.task_always_eager)


@cache
def _producers(app: Celery) -> Any:
    """Return a pool of producers whose connections have time-outs."""
    connection = app.connection_for_write(connect_timeout=TIME_OUT)
    bounds = BOUNDS.get(connection.transport.driver_type, {})
    options = {**bounds, **connection.transport_options}
    return pools.producers[connection.clone(transport_options=options)]
