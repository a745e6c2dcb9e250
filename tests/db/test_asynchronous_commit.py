"""What became of a message is committed without a wait for the disk, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from django_sms_otp.db.plans import statement_cursor
from django_sms_otp.delivery import recording
from django_sms_otp.delivery.recording import record
from django_sms_otp.models import DeliveryState, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post
from ..support.connection_options import connected_with
from .test_statements import (  # noqa: F401 (rows is a fixture)
    NOW,
    PAIRS,
    REQUEST_ID,
    SENT,
    rows,
)
from .test_writes import log_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL does it"),
]


@pytest.fixture(autouse=True)
def waits() -> Iterator[None]:
    """The server of the tests waits for no disk at all."""
    with connected_with(options="-c synchronous_commit=on"):
        yield


def waits_for_the_disk() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone() == ("on",))


def is_on_the_disk() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn()")
        return bool(cursor.fetchone()[0])


def test_the_next_transaction_waits_again() -> None:
    run, _ = PAIRS["record_delivery_asynchronously"]
    with transaction.atomic(), connection.cursor() as cursor:
        assert run(cursor) == 1
        assert not waits_for_the_disk()
    assert waits_for_the_disk()


def test_only_what_became_of_a_message_does_not_wait(get_code: Post, auth_code: Post) -> None:
    for _ in range(2):  # The first request of a number does more.
        with CaptureQueriesContext(connection) as queries:
            log_in(get_code, auth_code)
    hurried = [each["sql"] for each in queries if "synchronous_commit" in each["sql"]]
    assert len(hurried) == 1
    assert '"delivery_state"' in hurried[0]


@override_sms_otp(COOLDOWN=[])
def test_nobody_waits_for_it(get_code: Post) -> None:
    # PostgreSQL itself writes what it has every now and then.
    seen = [is_on_the_disk() for _ in range(5) if get_code()]
    assert not all(seen)
    assert OTPCode.objects.filter(delivery_state=DeliveryState.SENT, phone_number=PHONE)


def test_a_transaction_of_somebody_elses_waits() -> None:
    otp_code = OTPCode.objects.get(pk=REQUEST_ID)
    with transaction.atomic():
        record(otp_code, None, **SENT)
        assert waits_for_the_disk()
    assert OTPCode.objects.get(pk=REQUEST_ID).message_id == SENT["message_id"]


def test_a_transaction_that_was_begun_behind_djangos_back_waits() -> None:
    otp_code = OTPCode.objects.get(pk=REQUEST_ID)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        record(otp_code, None, **SENT)
        assert waits_for_the_disk()
        cursor.execute("COMMIT")


def test_where_nobody_may_choose_it_all_wait(
    get_code: Post, auth_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As servers do that only speak as PostgreSQL does.
    monkeypatch.setattr(recording, "_refusing", set())
    refused: list[str] = []

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "set_config" in sql:
            refused.append(sql)
            return execute("DO $$ BEGIN RAISE SQLSTATE '0A000'; END $$", None, *rest[1:])
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        log_in(get_code, auth_code)
        before = len(refused)
        log_in(get_code, auth_code)
    assert 0 < before == len(refused)
    sent = OTPCode.objects.exclude(pk=REQUEST_ID)
    assert set(sent.values_list("delivery_state", flat=True)) == {DeliveryState.SENT}


def test_a_plan_of_it_is_kept(get_code: Post, auth_code: Post) -> None:
    with connected_with(prepare_threshold=5):
        for _ in range(2):
            log_in(get_code, auth_code)
        with statement_cursor(connections["default"]) as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            assert [text for (text,) in cursor.fetchall() if "synchronous_commit" in text]
