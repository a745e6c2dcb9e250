"""Jobs go by Celery's public ``apply_async``: what a site's task class adds to them arrives."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery, Task
from celery.exceptions import Retry
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError
from django.utils import timezone
from kombu.connection import Connection

from django_sms_otp import services
from django_sms_otp.delivery.queues import celery as engine
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.engines import celery_app

REQUEST = uuid.uuid4()


class TenantTask(Task):  # type: ignore[misc]  # Celery has no types
    """The task class of a site with tenants: each job names the tenant that it belongs to."""

    def apply_async(self, *args: Any, headers: Any = None, **options: Any) -> Any:
        return super().apply_async(
            *args, headers={**(headers or {}), "tenant": "acme"}, **options
        )


def published(app: Celery, publish: Callable[[], Any]) -> list[Any]:
    """Return the messages that reach the broker."""
    sent: list[Any] = []

    def basic_publish(message: dict[str, Any], **where: Any) -> None:
        sent.append(json.loads(json.dumps({**message, **where}, default=repr)))

    with engine._producers(app).acquire(block=True) as producer:
        channel = producer.channel
    channel.basic_publish = basic_publish
    try:
        publish()
    finally:
        del channel.basic_publish
    return sent


def wait_for_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(request_id: uuid.UUID, enqueue: Callable[..., None]) -> None:
        enqueue(request_id, timedelta(seconds=40))

    monkeypatch.setattr(engine, "deliver_queued", waits)


def test_what_the_task_class_of_a_site_adds_is_in_the_first_job_and_in_each_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait_for_gateway(monkeypatch)
    broker = f"memory://{uuid.uuid4().hex}"
    with override_sms_otp(DELIVERY="celery"), celery_app(broker, task_cls=TenantTask) as app:
        [first] = published(app, lambda: engine.enqueue_message(REQUEST))
        [later] = published(app, lambda: engine.deliver.run(str(REQUEST)))
    assert first["headers"]["tenant"] == "acme"
    assert later["headers"]["tenant"] == "acme"


def test_a_job_that_celery_itself_repeats_has_what_the_task_class_adds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(request_id: uuid.UUID, enqueue: object) -> None:
        raise OperationalError

    monkeypatch.setattr(engine, "deliver_queued", fails)
    broker, queue = f"memory://{uuid.uuid4().hex}", uuid.uuid4().hex
    config = {"task_cls": TenantTask, "task_default_queue": queue}
    with override_sms_otp(DELIVERY="celery"), celery_app(broker, **config):
        engine.deliver.push_request(id="first", args=[str(REQUEST)], called_directly=False)
        with pytest.raises(Retry):
            engine.deliver.run(str(REQUEST))
        engine.deliver.pop_request()
        with Connection(broker) as connection:
            repeated = connection.SimpleQueue(queue).get(timeout=5)
    assert (repeated.headers["tenant"], repeated.headers["retries"]) == ("acme", 1)
    assert repeated.payload[0] == [str(REQUEST)]


class BrokenTask(Task):  # type: ignore[misc]  # Celery has no types
    def apply_async(self, *args: Any, **options: Any) -> Any:
        raise LookupError(f"{PHONE} has no tenant")


@pytest.mark.django_db
def test_an_error_of_the_task_class_is_named_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = f"memory://{uuid.uuid4().hex}"
    with override_sms_otp(DELIVERY="celery"), celery_app(broker, task_cls=BrokenTask):
        refused = services.request_code(parse_phone_number(PHONE))
    assert getattr(refused, "reason", "") == "delivery_failed"
    [line] = [each.getMessage() for each in caplog.records if "queued" in each.getMessage()]
    assert "LookupError:\n" in line
    assert __file__ in line
    assert PHONE not in line


def test_a_route_of_the_site_is_taken_where_the_app_names_no_queue() -> None:
    routes = {"django_sms_otp.*": {"queue": "routed", "priority": 7}}
    broker = f"memory://{uuid.uuid4().hex}"
    with override_sms_otp(DELIVERY="celery"), celery_app(broker, task_routes=routes) as app:
        [job] = published(app, lambda: engine.enqueue_message(REQUEST))
    assert (job["routing_key"], job["properties"]["priority"]) == ("routed", 7)


def test_time_outs_of_the_site_go_before_those_of_the_app() -> None:
    given = {"socket_timeout": 7, "visibility_timeout": 60}
    with celery_app("redis://127.0.0.1", broker_transport_options=given) as app:
        options = engine._producers(app).connections.connection.transport_options
    assert options == {**given, "socket_connect_timeout": engine.TIME_OUT}


def test_a_job_that_waits_for_its_gateway_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_gateway(monkeypatch)
    sms_otp = override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE="sms")
    with sms_otp, celery_app(f"memory://{uuid.uuid4().hex}") as app:
        before = timezone.now()
        [job] = published(app, lambda: engine.deliver.run(str(REQUEST)))
    wait = datetime.fromisoformat(job["headers"]["eta"]) - before
    assert timedelta(seconds=39) < wait < timedelta(seconds=60)
    assert job["routing_key"] == "sms"


@pytest.mark.parametrize("error", [InterfaceError(), InternalError(), ProgrammingError()])
def test_a_job_that_meets_an_error_of_the_database_comes_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A server that has become a replica raises no ``OperationalError``."""
    outcomes: list[Exception | None] = [error, None]

    def fails_once(request_id: uuid.UUID, enqueue: object) -> None:
        if outcome := outcomes.pop(0):
            raise outcome

    monkeypatch.setattr(engine, "deliver_queued", fails_once)
    with override_sms_otp(DELIVERY="celery"), celery_app("memory://"):
        engine.deliver.apply([str(REQUEST)])
    assert outcomes == []
