"""Circuits: when a backend is passed over, and when it is tried again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection, connections
from psycopg.errors import SerializationFailure

from django_sms_otp.backends.composite import circuits
from django_sms_otp.backends.composite.circuit_state import PROBE_LEASE, Circuit, CircuitPolicy
from django_sms_otp.models import Limit
from django_sms_otp.services import forget_limit
from django_sms_otp.signals import circuit_closed, circuit_opened

from ..support.threads import in_threads

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
POLICY = CircuitPolicy()
KEY = "circuit:first"
ROW = {"kind": "circuit", "subject": "first"}
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signals() -> Iterator[list[dict[str, Any]]]:
    received: list[dict[str, Any]] = []

    def receive(sender: Any, signal: Any, **values: Any) -> None:
        name = "opened" if signal is circuit_opened else "closed"
        received.append({"signal": name, "sender": sender, **values})

    for signal in (circuit_opened, circuit_closed):
        signal.connect(receive)
    yield received
    for signal in (circuit_opened, circuit_closed):
        signal.disconnect(receive)


def seen() -> Circuit:
    return circuits.read_circuits(["first"])["first"]


def fail(times: int = 1, policy: CircuitPolicy = POLICY) -> None:
    for _ in range(times):
        circuits.note_failure("first", policy)


# When it opens and closes. Pure.


def test_the_wait_doubles_up_to_the_most() -> None:
    waits = [POLICY.wait(openings) for openings in (1, 2, 3, 4, 5, 6, 5000)]
    assert waits == [30, 60, 120, 240, 300, 300, 300]


def test_what_is_in_a_row_comes_out_again() -> None:
    circuit = Circuit(failures=5, openings=2, until=1.5, wait=60.0, probe=7)
    assert Circuit.from_json(circuit.to_json()) == circuit
    assert Circuit().to_json() == {}


def test_a_row_of_a_later_version_is_read_too() -> None:
    assert Circuit.from_json({"failures": 2, "mood": "bad"}) == Circuit(failures=2)


def test_it_opens_with_the_last_of_the_failures_in_a_row() -> None:
    circuit = Circuit()
    for _ in range(4):
        circuit = circuit.failed(100, POLICY, 0)
        assert circuit.is_closed
    circuit = circuit.failed(100, POLICY, 0)
    assert circuit == Circuit(failures=5, openings=1, until=130, wait=30)
    assert circuit.is_open(129.9)
    assert circuit.is_due(130)


def test_messages_under_way_when_it_opened_do_not_open_it_longer() -> None:
    circuit = Circuit(failures=5, openings=1, until=130, wait=30)
    for now in (110, 131):
        assert circuit.failed(now, POLICY, 0) is circuit


def test_a_probe_that_failed_doubles_the_wait() -> None:
    circuit = Circuit(failures=5, openings=1, until=130, wait=30).probed(131)
    failed = circuit.failed(140, POLICY, circuit.probe)
    assert failed == Circuit(failures=6, openings=2, until=200, wait=60)


def test_a_probe_whose_turn_is_over_tells_nothing() -> None:
    first = Circuit(failures=5, openings=1, until=130, wait=30).probed(131)
    second = first.probed(first.until)
    assert second.probe not in {0, first.probe}
    assert second.failed(200, POLICY, first.probe) is second


def test_while_one_probe_is_under_way_there_is_no_other() -> None:
    probed = Circuit(failures=5, openings=1, until=130, wait=30).probed(130)
    assert probed.probed(130 + PROBE_LEASE - 1) is probed
    assert probed.probed(130 + PROBE_LEASE) is not probed


def test_a_clock_that_steps_back_does_not_keep_it_open() -> None:
    circuit = Circuit(failures=5, openings=1, until=10_030, wait=30)
    assert circuit.is_open(10_001)
    assert not circuit.is_open(6_400)
    assert circuit.is_due(6_400)


# In the database


@pytest.mark.django_db
def test_other_processes_see_it(clock: time_machine.Traveller) -> None:
    fail(4)
    assert seen().is_closed
    fail()
    assert seen().is_open(NOON.timestamp())


@pytest.mark.django_db
def test_a_success_ends_the_row_of_failures(clock: time_machine.Traveller) -> None:
    fail(4)
    circuits.close("first")
    fail(4)
    assert seen().is_closed
    assert seen().failures == 4


@pytest.mark.django_db
def test_a_probe_that_is_sent_closes_it(
    clock: time_machine.Traveller, signals: list[dict[str, Any]]
) -> None:
    fail(5)
    assert circuits.claim_probe("first") is None
    clock.shift(30 * SECOND)
    assert circuits.claim_probe("first")
    assert circuits.claim_probe("first") is None
    circuits.close("first")
    assert seen() == Circuit()
    assert circuits.claim_probe("first") == 0
    assert signals == [
        {
            "signal": "opened",
            "sender": Limit,
            "alias": "first",
            "until": NOON + timedelta(seconds=30),
        },
        {"signal": "closed", "sender": Limit, "alias": "first"},
    ]


@pytest.mark.django_db
def test_it_opens_with_one_error_in_the_log_and_one_signal(
    clock: time_machine.Traveller,
    caplog: pytest.LogCaptureFixture,
    signals: list[dict[str, Any]],
) -> None:
    caplog.set_level(logging.INFO, "django_sms_otp")
    clock.shift(timedelta(microseconds=412345))  # Not to be read by anybody.
    fail(9)
    clock.shift(30 * SECOND)
    circuits.note_failure("first", POLICY, probe=circuits.claim_probe("first") or 0)
    circuits.close("first")
    passed_over = "passed over until 2030-05-01"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "ERROR",
            f"Backend 'first' failed 5 times in a row: {passed_over} 12:00:30+00:00.",
        ),
        ("INFO", f"Backend 'first' still fails: {passed_over} 12:01:30+00:00."),
        ("INFO", "Backend 'first' is used again."),
    ]
    assert [each["signal"] for each in signals] == ["opened", "closed"]


@pytest.mark.django_db
def test_a_receiver_that_fails_harms_nobody(clock: time_machine.Traveller) -> None:
    def receive(**values: Any) -> None:
        raise RuntimeError

    circuit_opened.connect(receive)
    try:
        fail(5)
    finally:
        circuit_opened.disconnect(receive)
    assert not seen().is_closed


@pytest.mark.django_db
def test_a_probe_whose_process_died_holds_up_the_next_one_for_a_minute(
    clock: time_machine.Traveller,
) -> None:
    fail(5)
    clock.shift(30 * SECOND)
    dead = circuits.claim_probe("first")
    clock.shift(PROBE_LEASE - 1)
    assert circuits.claim_probe("first") is None
    clock.shift(SECOND)
    next_one = circuits.claim_probe("first")
    assert next_one
    assert next_one != dead


@pytest.mark.django_db
def test_one_probe_at_a_time_though_the_clock_stepped_back(
    clock: time_machine.Traveller,
) -> None:
    fail(5)
    clock.shift(timedelta(hours=-1))
    assert circuits.claim_probe("first")
    clock.shift(SECOND)
    assert circuits.claim_probe("first") is None


@pytest.mark.django_db
def test_each_backend_has_its_own() -> None:
    fail(5)
    circuits.note_failure("second", POLICY)
    found = circuits.read_circuits(["first", "second", "third"])
    assert [found[name].failures for name in ("first", "second", "third")] == [5, 1, 0]


@pytest.mark.django_db
def test_staff_may_close_it(
    clock: time_machine.Traveller, signals: list[dict[str, Any]]
) -> None:
    fail(5)
    assert forget_limit(KEY)
    assert not forget_limit(KEY)
    assert seen() == Circuit()
    assert signals[-1]["signal"] == "closed"


@pytest.mark.django_db
def test_an_idle_one_is_purged_and_an_open_one_is_not(
    clock: time_machine.Traveller,
) -> None:
    fail(5, CircuitPolicy(open_for=86_400, open_for_at_most=86_400))
    clock.shift(timedelta(days=1) - SECOND)
    call_command("purge_otp_codes", stdout=StringIO())
    assert Limit.objects.filter(**ROW).exists()
    clock.shift(2 * SECOND)
    call_command("purge_otp_codes", stdout=StringIO())
    assert not Limit.objects.exists()
    assert seen() == Circuit()


# What it costs


@pytest.mark.django_db
def test_failures_of_an_open_one_write_nothing(clock: time_machine.Traveller) -> None:
    fail(5)
    version = Limit.objects.get(**ROW).version
    fail(20)
    assert Limit.objects.get(**ROW).version == version


# Many at once


@pytest.mark.django_db(transaction=True)
def test_one_of_many_threads_gets_the_probe() -> None:
    policy = CircuitPolicy(failures=1, open_for=1e-6)
    fail(policy=policy)
    claims = in_threads(16, lambda: circuits.claim_probe("first"))
    assert len([claim for claim in claims if claim]) == 1
    assert claims.count(None) == 15


@pytest.mark.django_db(transaction=True)
def test_failures_at_once_are_all_counted() -> None:
    in_threads(8, lambda: fail(policy=CircuitPolicy(failures=9)))
    assert seen().failures == 8
    assert seen().is_closed


@pytest.mark.django_db(transaction=True)
def test_failures_at_once_open_it_once_with_as_many_writes_as_it_takes(
    caplog: pytest.LogCaptureFixture, signals: list[dict[str, Any]]
) -> None:
    Limit.objects.create(**ROW, state={}, version=1, updated_at=NOON)
    in_threads(16, fail)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert [each["signal"] for each in signals] == ["opened"]
    assert Limit.objects.get(**ROW).version == 1 + POLICY.failures
    assert seen().openings == 1


# A database that is lost


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_lost_database_is_logged_and_stops_nothing(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def lose(*args: Any) -> None:
        raise error("gone")

    with connection.execute_wrapper(lose):
        assert seen().is_closed
        fail()
        assert circuits.claim_probe("first") == 0
        assert not circuits.close("first")
    assert [record.getMessage() for record in caplog.records] == [
        f"Circuits cannot be read or changed: {error.__name__}."
    ] * 4
    assert seen() == Circuit()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_lost_in_every_attempt_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def deadlock(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(("UPDATE", "INSERT")):
            raise OperationalError from SerializationFailure()
        return execute(sql, *rest)

    with connection.execute_wrapper(deadlock):
        fail()
    assert [record.getMessage() for record in caplog.records] == [
        "Circuits cannot be read or changed: SerializationFailure 40001."
    ]
    assert seen() == Circuit()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_closed_while_the_gateway_was_slow_is_opened_again() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that closes connections")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def terminate() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connections.close_all()

    thread = threading.Thread(target=terminate)
    thread.start()
    thread.join()
    fail()
    assert seen().failures == 1
