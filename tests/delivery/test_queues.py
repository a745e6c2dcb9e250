"""Jobs are handed to real brokers: what they say, and what happens when a broker is away."""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from django.utils.module_loading import import_string
from kombu.connection import Connection

from django_sms_otp import conf, services
from django_sms_otp.delivery import code_of, deliver_queued, queues
from django_sms_otp.exceptions import InvalidBackend, InvalidSettings, NotQueued
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of
from ..support.engines import DATABASE, DUMMY, FRAMEWORK, RABBITMQ, celery_app, rabbitmq_answers
from ..support.faults.proxy import Proxy
from .test_jobs import Gateway

pytestmark = pytest.mark.django_db

NUMBER = parse_phone_number(PHONE)

PATIENCE = 5.0
"""Seconds: three steps of one each, and some more for a busy machine."""


@pytest.fixture(autouse=True)
def gateway(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": "tests.delivery.test_jobs.Gateway"}}
    Gateway.reports.clear()


@pytest.fixture(params=["valkey", "rabbitmq"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Have a broker at the other end of a line that can be cut."""
    if request.param == "rabbitmq":
        if not rabbitmq_answers():
            pytest.skip("No RabbitMQ answers at 127.0.0.1:5672: Celery runs over Valkey alone.")
        proxy = Proxy(("127.0.0.1", 5672), tmp_path / "deaf")
        url = RABBITMQ.replace("5672", str(proxy.port))
    else:
        server = request.getfixturevalue("valkey_server")
        proxy = Proxy(str(server.unix_socket_path), tmp_path / "deaf")
        url = f"redis://127.0.0.1:{proxy.port}"
    # The suites of several databases may run at once, and RabbitMQ is one for all of them.
    queue = f"sms-{uuid.uuid4()}"
    sms_otp = override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE=queue)
    with sms_otp, celery_app(url):
        yield SimpleNamespace(proxy=proxy, url=url, queue=queue)
        with Connection(url) as connection:
            connection.default_channel.queue_delete(queue)
    proxy.cut()


def jobs(line: SimpleNamespace) -> list[Any]:
    """Take everything out of the broker's queue."""
    found = []
    with Connection(line.url) as connection:
        queue = connection.SimpleQueue(line.queue)
        for _ in range(queue.qsize()):
            found.append(queue.get(timeout=PATIENCE))
            found[-1].ack()
        queue.close()
    return found


# What a job says ---------------------------------------------------------------------------


def test_a_job_in_a_broker_holds_the_request_id_alone(
    line: SimpleNamespace, get_code: Post
) -> None:
    request_id = body_of(get_code())["request_id"]
    [job] = jobs(line)
    args, kwargs, _embedded = job.payload
    assert (args, kwargs) == ([request_id], {})
    assert job.headers["task"] == "django_sms_otp.deliver"
    everything = f"{job.payload}{job.headers}{job.properties}"
    code = code_of(OTPCode.objects.get())
    assert code
    assert not [secret for secret in (PHONE, PHONE[-10:], code) if secret in everything]


def test_all_that_a_broker_stores_is_without_number_and_code(
    valkey_server: Any, get_code: Post
) -> None:
    url = f"redis+socket://{valkey_server.unix_socket_path}"
    with override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE="bare"), celery_app(url):
        get_code()
    [stored] = valkey_server.client().lrange("bare", 0, -1)
    text = stored if isinstance(stored, str) else stored.decode()
    text += base64.b64decode(json.loads(text)["body"]).decode()
    assert str(OTPCode.objects.get().pk) in text
    assert PHONE[-10:] not in text


def test_a_job_in_the_database_holds_the_request_id_alone(get_code: Post) -> None:
    from django_tasks_db.models import DBTaskResult

    sms_otp = override_sms_otp(DELIVERY="tasks", DELIVERY_QUEUE="sms")
    with sms_otp, override_settings(TASKS=DATABASE):
        request_id = body_of(get_code())["request_id"]
    job = DBTaskResult.objects.get()
    assert job.args_kwargs == {"args": [request_id], "kwargs": {}}
    assert job.task_path == "django_sms_otp.delivery.queues.tasks.deliver"
    assert job.queue_name == "sms"
    assert PHONE[-10:] not in str(vars(job))


def test_a_job_goes_to_the_queue_of_the_moment() -> None:
    from django_tasks_db.models import DBTaskResult

    names = ["one", "two"]
    with override_settings(TASKS=DATABASE):
        for name in names:
            with override_sms_otp(DELIVERY="tasks", DELIVERY_QUEUE=name):
                queues.engine().enqueue_message(uuid.uuid4())
    assert sorted(DBTaskResult.objects.values_list("queue_name", flat=True)) == names


def test_a_job_in_the_database_that_waits_for_its_gateway_comes_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django_tasks_db.models import DBTaskResult

    from django_sms_otp.delivery.queues import tasks

    def waits(request_id: uuid.UUID, enqueue: Callable[..., None]) -> None:
        enqueue(request_id, timedelta(seconds=40))

    monkeypatch.setattr(tasks, "deliver_queued", waits)
    before = timezone.now()
    with override_sms_otp(DELIVERY="tasks"), override_settings(TASKS=DATABASE):
        tasks.deliver.call(str(uuid.uuid4()))
    wait = DBTaskResult.objects.get().run_after - before
    assert timedelta(seconds=39) < wait < timedelta(seconds=60)


tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
"""Whose request this is, on a site with tenants."""


class TenantTasks(import_string(DUMMY["default"]["BACKEND"])):  # type: ignore[misc]
    """Django's Tasks on a site with tenants: each job is kept beside its tenant."""

    jobs: list[tuple[str, str]] = []

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        self.jobs.append((tenant.get(), task.name))
        return super().enqueue(task, args, kwargs)


def test_the_backend_of_a_site_sees_the_first_job_and_each_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django_sms_otp.delivery.queues import tasks

    def waits(request_id: uuid.UUID, enqueue: Callable[..., None]) -> None:
        enqueue(request_id, timedelta(seconds=40))

    monkeypatch.setattr(tasks, "deliver_queued", waits)
    monkeypatch.setattr(TenantTasks, "jobs", [])
    backend = {"default": {"BACKEND": f"{__name__}.TenantTasks", "QUEUES": []}}
    with override_sms_otp(DELIVERY="tasks"), override_settings(TASKS=backend):
        tenant.set("acme")
        services.request_code(NUMBER)
        tenant.set("globex")
        tasks.deliver.call(str(uuid.uuid4()))
    tenant.set("nobody")
    assert TenantTasks.jobs == [("acme", "deliver"), ("globex", "deliver")]


# A broker that is away ---------------------------------------------------------------------


def is_refused_and_refunded(get_code: Post) -> None:
    start = time.monotonic()
    response = get_code()
    assert time.monotonic() - start < PATIENCE
    assert (response.status_code, body_of(response)["code"]) == (503, "delivery_failed")
    assert response.headers["Retry-After"] == "30"
    otp_code = OTPCode.objects.latest("created_at")
    assert (otp_code.delivery_state, otp_code.delivery_error) == ("failed", "queue")


def test_a_broker_that_is_down_is_told_and_costs_the_number_nothing(
    line: SimpleNamespace, get_code: Post
) -> None:
    with line.proxy.outage():
        is_refused_and_refunded(get_code)
        is_refused_and_refunded(get_code)
    assert get_code().status_code == 202
    assert len(jobs(line)) == 1


def test_a_broker_that_says_nothing_keeps_nobody_waiting(
    line: SimpleNamespace, get_code: Post
) -> None:
    services.request_code(parse_phone_number("+14155552672"))
    with line.proxy.silence():
        is_refused_and_refunded(get_code)
    assert get_code().status_code == 202


def test_a_broker_that_has_hung_up_meanwhile_is_called_again(
    line: SimpleNamespace, get_code: Post
) -> None:
    services.request_code(parse_phone_number("+14155552672"))
    line.proxy.hang_up()
    assert get_code().status_code == 202
    assert len(jobs(line)) == 2


def test_a_message_that_a_worker_has_got_nevertheless_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, get_code: Post
) -> None:
    from django_sms_otp.delivery.queues import tasks

    def works_it_off_and_fails(request_id: Any) -> None:
        deliver_queued(request_id)
        raise NotQueued

    monkeypatch.setattr(tasks, "enqueue_message", works_it_off_and_fails)
    with override_sms_otp(DELIVERY="tasks"):
        assert get_code().status_code == 202
    assert OTPCode.objects.get().delivery_state == "sent"


# Engines that are not there ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "package"),
    [("celery", "celery"), ("tasks", FRAMEWORK)],
)
def test_a_missing_package_is_named_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"django_sms_otp.delivery.queues.{name}", raising=False)
    words = "pip install" if package in {"celery", "django_tasks"} else "import"
    with override_sms_otp(DELIVERY=name), pytest.raises(InvalidSettings, match=words):
        services.request_code(NUMBER)
    assert not Limit.objects.exists()


def test_a_broken_setting_of_the_framework_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "django_sms_otp.delivery.queues.tasks", raising=False)
    with (
        override_sms_otp(DELIVERY="tasks"),
        override_settings(TASKS={"default": {"BACKEND": "shop.gone.Backend"}}),
        pytest.raises(InvalidSettings, match=r"shop\.gone"),
    ):
        queues.engine()


def test_other_libraries_may_look_for_tasks_where_celery_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    monkeypatch.delitem(sys.modules, "django_sms_otp.tasks", raising=False)
    from django_sms_otp import tasks

    assert not hasattr(tasks, "deliver")
    monkeypatch.delitem(sys.modules, "django_sms_otp.tasks")


def test_celery_finds_the_tasks_whatever_the_setting_is() -> None:
    assert conf.get_settings().DELIVERY == "immediate"
    with celery_app("memory://") as app:
        app.autodiscover_tasks(["django_sms_otp"], force=True)
        assert "django_sms_otp.deliver" in app.tasks


# Reports -----------------------------------------------------------------------------------


def redeem() -> None:
    otp_code = OTPCode.objects.get()
    deliver_queued(otp_code.pk)
    code = code_of(otp_code)
    assert code
    assert isinstance(services.redeem_code(code, phone_number=NUMBER), Redeemed)


def test_a_login_waits_for_no_broker(line: SimpleNamespace) -> None:
    services.request_code(NUMBER)
    with line.proxy.outage():
        redeem()
    [job] = jobs(line)
    assert job.headers["task"] == "django_sms_otp.deliver"


def test_a_backend_that_breaks_is_not_in_the_way_of_a_login(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(alias: str) -> None:
        raise InvalidBackend("gone.", alias=alias)

    services.request_code(NUMBER)
    monkeypatch.setattr("django_sms_otp.delivery.feedback.get_backend", fail)
    redeem()
    assert [each for each in caplog.records if "InvalidBackend" in each.getMessage()]
