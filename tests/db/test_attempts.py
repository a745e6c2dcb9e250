"""Optimistic attempts: whose writes win, and which errors are lost races."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from psycopg import IsolationLevel

from django_sms_otp.db import (
    LimitRow,
    NumberRow,
    Write,
    change_limit,
    change_number,
    transactions,
)
from django_sms_otp.db.numbers import NumberQuery, read_number
from django_sms_otp.db.transactions import retry_lost_races
from django_sms_otp.db.writes import LostRace
from django_sms_otp.exceptions import Contention, InsideTransaction
from django_sms_otp.limits.keys import LimitKey
from django_sms_otp.limits.messages import SEND_MEMORY, Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def send(row: NumberRow) -> None:
    with row.replaced_by(row.state.with_send(Send(row.now.timestamp()), memory=SEND_MEMORY)):
        pass


def read_row() -> NumberRow:
    return read_number(NumberQuery(alias="default", phone_number=PHONE, purpose="login"))


def sends() -> int:
    return len(Limit.objects.get(subject=PHONE).state["sends"])


def error(**attributes: object) -> OperationalError:
    """Return a database error as Django raises it for a driver's."""
    raised = OperationalError("broken off")
    raised.__cause__ = Exception()
    vars(raised.__cause__).update(attributes)
    return raised


@pytest.mark.parametrize("earlier", [0, 1])
def test_an_attempt_that_read_before_another_wrote_reads_again(earlier: int) -> None:
    for _ in range(earlier):
        change_number(PHONE, send)
    read: list[int] = []

    def slow(row: NumberRow) -> None:
        read.append(len(row.state.sends))
        if len(read) == 1:
            change_number(PHONE, send)
        send(row)

    change_number(PHONE, slow)
    assert read == [earlier, earlier + 1]
    assert sends() == earlier + 2


def test_after_three_lost_attempts_the_row_is_locked_before_it_is_read() -> None:
    change_number(PHONE, send)
    nested: list[bool] = []

    def unlucky(row: NumberRow) -> None:
        nested.append(transaction.get_connection().in_atomic_block)
        if len(nested) < 4:
            raise LostRace
        send(row)

    change_number(PHONE, unlucky)
    assert nested == [False, False, False, True]
    assert sends() == 2


def test_a_locked_attempt_that_is_lost_writes_nothing() -> None:
    change_number(PHONE, send)

    def never(row: NumberRow) -> None:
        with row.replaced_by(NumberState()):
            raise LostRace

    with pytest.raises(Contention):
        change_number(PHONE, never)
    assert sends() == 1


def test_a_shared_row_that_changes_in_every_attempt_is_an_error() -> None:
    def never(row: LimitRow) -> Write:
        raise LostRace

    with pytest.raises(Contention):
        change_limit(LimitKey("site", ""), never)


def test_a_purged_and_remade_row_is_not_taken_for_the_one_that_was_read() -> None:
    change_number(PHONE, send)
    row = read_row()
    Limit.objects.all().delete()
    change_number(PHONE, send)
    with pytest.raises(LostRace):
        send(row)
    assert sends() == 1


def test_a_row_that_was_made_meanwhile_is_not_made_again() -> None:
    row = read_row()
    change_number(PHONE, send)
    with pytest.raises(LostRace):
        send(row)
    assert sends() == 1


def test_a_table_that_was_filled_without_its_sequence_is_no_race() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL has sequences.")
    for subject in range(2 * transactions.MOST_ATTEMPTS):
        Limit.objects.create(
            kind="ip", subject=str(subject), state={}, updated_at=timezone.now()
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), min(id), false) "
            f"FROM {Limit._meta.db_table}",
            [Limit._meta.db_table],
        )
    with pytest.raises(IntegrityError, match="pkey"):
        change_number(PHONE, send)


WRITES: dict[str, Callable[[NumberRow, OTPCode], Write]] = {
    "attempt": lambda row, code: row.attempt(code),
    "consumption": lambda row, code: row.consumption(code, None),
    "resend": lambda row, code: row.resend(code),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("change", ["redeemed_at", "superseded_at"])
def test_a_code_that_has_changed_is_left_as_it_is(
    change: str, write: Callable[[NumberRow, OTPCode], Write]
) -> None:
    otp_code = OTPCodeFactory.create(phone_number=PHONE)
    row = read_row()
    OTPCode.objects.update(**{change: timezone.now()})
    before = OTPCode.objects.values().get()
    with pytest.raises(LostRace):
        row.replace(row.state, write(row, otp_code))
    assert OTPCode.objects.values().get() == before
    assert Limit.objects.get().version == 0


@pytest.mark.parametrize("name", ["attempt", "consumption"])
def test_a_guess_that_another_was_counted_before_is_lost(name: str) -> None:
    otp_code = OTPCodeFactory.create(phone_number=PHONE)
    row = read_row()
    OTPCode.objects.update(failed_attempts=1)
    with pytest.raises(LostRace):
        row.replace(row.state, WRITES[name](row, otp_code))
    assert OTPCode.objects.get().failed_attempts == 1


def test_a_code_that_expired_meanwhile_is_not_redeemed() -> None:
    otp_code = OTPCodeFactory.create(phone_number=PHONE)
    row = read_row()
    OTPCode.objects.update(expires_at=row.now)
    with pytest.raises(LostRace):
        row.replace(row.state, row.consumption(otp_code, None))
    assert OTPCode.objects.get().redeemed_at is None


def test_a_clock_that_steps_back_does_not_move_the_row_back() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        change_number(PHONE, send)
    with time_machine.travel(now - timedelta(hours=3), tick=False):
        row = read_row()
    assert row.now > now
    assert len(row.state.sends) == 1


def test_inside_a_transaction_of_the_caller_nothing_is_written() -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction, match="non_atomic_requests"):
        change_number(PHONE, send)
    assert not Limit.objects.exists()


def test_without_autocommit_nothing_is_written() -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(InsideTransaction, match="Autocommit is off"):
            change_number(PHONE, send)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert not Limit.objects.exists()


@pytest.mark.parametrize(
    "attributes",
    [
        {"sqlstate": "40001"},
        {"sqlstate": "40P01"},
        {"pgcode": "40001"},
        {"sqlite_errorcode": 5},
        {"sqlite_errorcode": 517},
    ],
)
def test_a_race_that_the_database_ends_is_run_again(attributes: dict[str, object]) -> None:
    errors: list[DatabaseError] = [error(**attributes)]

    def once(row: NumberRow) -> None:
        if errors:
            raise errors.pop()
        send(row)

    change_number(PHONE, once)
    assert sends() == 1


@pytest.mark.parametrize("code", [1020, 1205, 1213])
def test_a_race_that_mariadb_ends_is_run_again(code: int) -> None:
    errors = [OperationalError(code, "Deadlock found")]

    def once() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert retry_lost_races(once) == "done"


def test_what_the_database_broke_off_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transactions, "RETRY_SECONDS", 0)
    calls: list[int] = []

    def waited_for_a_lock(row: NumberRow) -> None:
        calls.append(1)
        raise error(sqlite_errorcode=5)

    with pytest.raises(OperationalError):
        change_number(PHONE, waited_for_a_lock)
    assert len(calls) == 1


def test_another_database_error_is_let_out() -> None:
    def broken(row: NumberRow) -> None:
        raise error(sqlstate="53300")

    with pytest.raises(OperationalError):
        change_number(PHONE, broken)


def test_an_integrity_error_that_comes_again_is_let_out() -> None:
    calls: list[int] = []

    def broken(row: NumberRow) -> None:
        calls.append(1)
        raise IntegrityError

    with pytest.raises(IntegrityError):
        change_number(PHONE, broken)
    assert len(calls) == 2


def test_a_race_without_end_is_let_out() -> None:
    def never() -> None:
        raise error(sqlstate="40001")

    with pytest.raises(OperationalError):
        retry_lost_races(never)


RUNNING_AT = (
    "SELECT trx_isolation_level FROM information_schema.innodb_trx "
    "WHERE trx_mysql_thread_id = CONNECTION_ID()"
)
STRICTEST = {
    "postgresql": (IsolationLevel.SERIALIZABLE, "SHOW transaction_isolation", "read committed"),
    "mysql": ("serializable", RUNNING_AT, "REPEATABLE READ"),
}


def test_a_transaction_whose_level_cannot_be_set_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(connection: object) -> None:
        raise OperationalError("read-only")

    monkeypatch.setattr(transactions, "_relax_isolation", refuse)
    with pytest.raises(OperationalError, match="read-only"):
        change_number(PHONE, send)
    assert not connection.in_atomic_block
    assert connection.get_autocommit()


@pytest.mark.skipif(connection.vendor not in STRICTEST, reason="SQLite has one level")
def test_the_strictest_level_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    level, question, lowered = STRICTEST[connection.vendor]
    answers: list[str] = []

    def look(row: NumberRow) -> None:
        with row.replaced_by(row.state), connection.cursor() as cursor:
            cursor.execute(question)
            answers.extend(cursor.fetchone() or ())

    options = connection.settings_dict["OPTIONS"] | {"isolation_level": level}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    connection.close()
    try:
        change_number(PHONE, look)
    finally:
        connection.close()
    assert answers == [lowered]
