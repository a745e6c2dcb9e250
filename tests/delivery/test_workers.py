"""Real workers and real brokers: whatever dies, a message leaves once at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from django_sms_otp import services
from django_sms_otp.delivery import code_of
from django_sms_otp.delivery.queues import engine
from django_sms_otp.models import DeliveryState, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed

from ..conftest import PHONE
from ..support.engines import RABBITMQ, rabbitmq_answers
from ..support.workers.orders import HANG, KILL, REFUSE
from ..support.workers.process import VISIBILITY, Worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = parse_phone_number(PHONE)

ENGINES = ["tasks", "celery-valkey", pytest.param("celery-rabbitmq", marks=pytest.mark.once)]


@pytest.fixture(scope="module", params=ENGINES)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: Any, django_db_setup: None
) -> Iterator[Worker]:
    broker = None
    if request.param == "celery-valkey":
        server = request.getfixturevalue("valkey_server")
        broker = f"redis+socket://{server.unix_socket_path}"
    elif request.param == "celery-rabbitmq":
        if not rabbitmq_answers():
            pytest.skip("No RabbitMQ answers at 127.0.0.1:5672: Celery runs over Valkey alone.")
        broker = RABBITMQ
    worker = Worker(tmp_path_factory.mktemp("worker"), broker)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def worker(started: Worker, settings: Any) -> Iterator[Worker]:
    settings.SMS_OTP_BACKENDS = {
        "default": {
            "BACKEND": "tests.support.workers.gateway.SMSBackend",
            "OPTIONS": {"path": str(started.folder)},
        }
    }
    started.forget()
    started.start()
    with started.site(COOLDOWN=[]):
        yield started
    started.orders.withdraw()
    started.come_to_rest()


def ask() -> OTPCode:
    answer = services.request_code(NUMBER)
    assert isinstance(answer, CodeRequested)
    return OTPCode.objects.get(pk=answer.request_id)


def state_of(otp_code: OTPCode) -> str:
    return OTPCode.objects.get(pk=otp_code.pk).delivery_state


def is_in(state: DeliveryState, otp_code: OTPCode) -> Callable[[], bool]:
    return lambda: state_of(otp_code) == state


def wait_for_all_jobs(worker: Worker) -> None:
    """Wait until whatever was queued before has been worked off, or lies with the dead."""
    other = parse_phone_number("+14155552699")
    answer = services.request_code(other)
    assert isinstance(answer, CodeRequested)
    otp_code = OTPCode.objects.get(pk=answer.request_id)
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)


def sent_to(worker: Worker, number: str = PHONE) -> list[dict[str, Any]]:
    return [message for message in worker.messages() if message["to"] == number]


def test_a_worker_sends_a_message_and_reports_the_login(worker: Worker) -> None:
    otp_code = ask()
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    code = code_of(otp_code)
    assert code
    [message] = sent_to(worker)
    assert code in message["body"]
    assert isinstance(services.redeem_code(code, phone_number=NUMBER), Redeemed)
    wait_until(lambda: worker.reports() == [f"SM{otp_code.pk}"], worker)


def test_a_job_that_comes_again_sends_nothing(worker: Worker) -> None:
    otp_code = ask()
    for _ in range(3):
        engine().enqueue_message(otp_code.pk)
    wait_for_all_jobs(worker)
    assert len(sent_to(worker)) == 1


def test_a_message_waits_for_a_gateway_that_recovers(worker: Worker) -> None:
    worker.orders.give("call", REFUSE)
    otp_code = ask()
    time.sleep(1)
    worker.orders.withdraw()
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    assert len(sent_to(worker)) == 1


@pytest.mark.parametrize(
    ("point", "messages"), [("call", 0), ("answer", 1)], ids=["in the call", "after the call"]
)
def test_after_a_killed_worker_it_is_unknown_whether_a_message_left(
    worker: Worker, point: str, messages: int
) -> None:
    worker.orders.give(point, KILL)
    otp_code = ask()
    wait_until(is_in(DeliveryState.UNKNOWN, otp_code), worker)
    wait_until(lambda: not list(worker.folder.glob("order-*")), worker)
    restart(worker)
    wait_for_all_jobs(worker)
    assert state_of(otp_code) == DeliveryState.UNKNOWN
    assert len(sent_to(worker)) == messages
    # The person did not get it, and asks once more.
    assert ask().pk == otp_code.pk
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    assert len(sent_to(worker)) == messages + 1


def test_a_worker_that_is_killed_before_the_claim_leaves_the_message_to_others(
    worker: Worker,
) -> None:
    worker.orders.give("start", KILL)
    otp_code = ask()
    wait_until(lambda: not list(worker.folder.glob("order-*")), worker)
    restart(worker)
    if worker.redelivers:
        wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    wait_for_all_jobs(worker)
    assert len(sent_to(worker)) == worker.redelivers
    # django-tasks-db does not hand out a job again; the person has to ask.
    assert state_of(otp_code) == ("sent" if worker.redelivers else "pending")
    ask()
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    wait_until(lambda: len(sent_to(worker)) == 1 + worker.redelivers, worker)


def test_a_machine_that_dies_while_the_gateway_is_asked_sends_no_second_message(
    worker: Worker,
) -> None:
    worker.orders.give("answer", HANG)
    otp_code = ask()
    wait_until(lambda: len(sent_to(worker)) == 1, worker)
    worker.kill()
    worker.orders.withdraw()
    worker.start()
    # Over Redis the job comes again after this time.
    time.sleep(VISIBILITY + 1)
    wait_for_all_jobs(worker)
    assert len(sent_to(worker)) == 1
    assert state_of(otp_code) == DeliveryState.UNKNOWN


def test_a_job_comes_again_when_the_database_is_back(worker: Worker) -> None:
    if connection.vendor != "sqlite" or not worker.redelivers:
        pytest.skip("Elsewhere a missing table is no outage; and Celery alone tries again.")
    table, hidden = OTPCode._meta.db_table, "hidden"
    otp_code = ask()
    wait_until(is_in(DeliveryState.SENT, otp_code), worker)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {hidden}")
        engine().enqueue_message(otp_code.pk)
        wait_until(lambda: "Retry in" in worker.log(), worker)
        cursor.execute(f"ALTER TABLE {hidden} RENAME TO {table}")
    wait_until(lambda: "succeeded" in worker.log().rsplit("Retry in", 1)[-1], worker)
    assert len(sent_to(worker)) == 1


def restart(worker: Worker) -> None:
    """Start it anew, if it was not one of its children that died."""
    time.sleep(0.5)
    worker.start()
