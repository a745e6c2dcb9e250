"""What is put into a broker is what Celery's own ``apply_async`` would have put there."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery, signals
from django.utils import timezone
from kombu import pools
from kombu.entity import Exchange, Queue

from django_sms_otp.conf import get_settings
from django_sms_otp.queues import celery as engine
from django_sms_otp.testing import override_sms_otp

from .engines import celery_app

REQUEST = uuid.uuid4()
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"(clock|timestamp)\W+[\d.]+"

ROUTED = {"task_routes": {"django_sms_otp.*": {"queue": "routed", "priority": 7}}}
ANNOTATED = {
    "task_annotations": {
        "django_sms_otp.deliver": {"priority": 3, "serializer": "yaml", "compression": "zlib"}
    }
}
EXCHANGE = {
    "task_routes": {
        "django_sms_otp.*": {"exchange": "sms", "routing_key": "sms", "queue": "sms"}
    }
}
TOPICS = {"task_default_exchange": "letters", "task_default_exchange_type": "topic"}
TOPIC = {
    "task_queues": [Queue("sms", Exchange("messages", type="topic"), routing_key="sms")],
    "task_default_queue": "sms",
}
VARIANTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "as it comes": ({}, None),
    "a queue of ours": ({}, "sms"),
    "a default queue": ({"task_default_queue": "other"}, None),
    "a route": (ROUTED, None),
    "a route and a queue of ours": (ROUTED, "sms"),
    "a route to no queue": ({"task_routes": {"django_sms_otp.*": {"priority": 7}}}, None),
    "an annotation": (ANNOTATED, None),
    "a topic": (TOPIC, None),
    "topics": (TOPICS, None),
    "an exchange": (EXCHANGE, "sms"),
    "a queue that expires": ({"task_queues": [Queue("sms", expires=600.0)]}, "sms"),
    "events": ({"task_send_sent_event": True}, None),
    "the old protocol": ({"task_protocol": 1}, None),
}


@pytest.fixture(params=[*VARIANTS.values()], ids=[*VARIANTS])
def site(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    config, queue = request.param
    with override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE=queue):
        yield lambda broker: celery_app(broker, **config)


def enqueue(app: Celery) -> None:
    engine.enqueue_message(REQUEST)


def enqueue_by_celery(app: Celery) -> None:
    with engine._producer(app) as producer:
        queue = get_settings().DELIVERY_QUEUE
        engine.deliver.apply_async(
            [str(REQUEST)], queue=queue, producer=producer, **engine.SENDING
        )


def published(app: Celery, publish: Callable[[Celery], Any]) -> tuple[list[Any], list[Any]]:
    """Return what reaches the broker, and what Celery's signals tell."""
    sent: list[Any] = []
    told: list[Any] = []

    def basic_publish(message: dict[str, Any], **where: Any) -> None:
        sent.append({**message, **where})

    def hear(signal: Any = None, sender: Any = None, **said: Any) -> None:
        told.append((signal.name, sender, sorted(said)))

    with engine._producers(app).acquire(block=True) as producer:
        channel = producer.channel
    listened = (signals.before_task_publish, signals.after_task_publish)
    for signal in listened:
        signal.connect(hear)
    channel.basic_publish = basic_publish
    try:
        publish(app)
    finally:
        del channel.basic_publish
        for signal in listened:
            signal.disconnect(hear)
    return [comparable(message) for message in sent], told


def comparable(message: dict[str, Any]) -> str:
    """Leave out what differs from call to call, and where to send a result to."""
    message["properties"].pop("reply_to", None)
    # None as well as False, by where the options came from.
    flags = {name: bool(message[name]) for name in ("immediate", "mandatory")}
    text = json.dumps({**message, **flags}, sort_keys=True, default=repr)
    text = text.replace(str(REQUEST), "request")
    return re.sub(rf"{UUID}|{TIME}", "...", text)


def test_a_job_is_the_one_that_celery_itself_would_publish(site: Callable[[str], Any]) -> None:
    with site(f"memory://{uuid.uuid4().hex}") as app:
        messages, told = published(app, enqueue)
        assert (messages, told) == published(app, enqueue_by_celery)
    assert [name for name, *_ in told] == ["before_task_publish", "after_task_publish"]
    assert "request" in messages[0]


def test_a_job_gets_where_celery_itself_would_put_it(
    site: Callable[[str], Any], valkey_server: Any
) -> None:
    client = valkey_server.client()

    def put(publish: Callable[[Celery], Any]) -> dict[Any, tuple[int, bool]]:
        """Return how many jobs the broker has in each list, and whether that expires."""
        client.flushdb()
        # A connection has declared nothing then, as that of a new process.
        pools.reset()
        with site(f"redis+socket://{valkey_server.unix_socket_path}") as app:
            publish(app)
        lists = [key for key in client.scan_iter() if client.type(key) in {b"list", "list"}]
        return {key: (client.llen(key), client.ttl(key) > 0) for key in lists}

    found = put(enqueue)
    assert found == put(enqueue_by_celery)
    assert found


def test_a_job_that_waits_for_its_gateway_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(request_id: uuid.UUID, again: Callable[[timedelta], None]) -> None:
        again(timedelta(seconds=40))

    monkeypatch.setattr(engine, "deliver_queued", waits)
    sms_otp = override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE="sms")
    with sms_otp, celery_app(f"memory://{uuid.uuid4().hex}") as app:
        before = timezone.now()
        [message], _ = published(app, lambda app: engine.deliver.run(str(REQUEST)))
    job = json.loads(message)
    wait = datetime.fromisoformat(job["headers"]["eta"]) - before
    assert timedelta(seconds=39) < wait < timedelta(seconds=60)
    assert job["routing_key"] == "sms"
