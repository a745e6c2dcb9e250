"""The writes of a transaction: sent together where that can be, and all or nothing anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from django_sms_otp.controls.hooks import Challenge, SendAttempt
from django_sms_otp.db.compiled import Statement, insert
from django_sms_otp.db.rounds import NumberRow, in_rounds
from django_sms_otp.db.rows import Read
from django_sms_otp.db.statements import insert_limit, replace_limit
from django_sms_otp.db.writes import LostRound, Write
from django_sms_otp.limits.number import MEMORY
from django_sms_otp.limits.shared import SharedState
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.services import redeem_code
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.connection_options import connected_with
from ..support.factories import OTPCodeFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

OF_POSTGRESQL = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="elsewhere writes are sent one by one"
)


@contextmanager
def sent() -> Iterator[list[str]]:
    texts: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        texts.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield texts


def verbs(text: str) -> list[str]:
    return [statement.split()[0] for statement in text.split("; ")]


def log_in(get_code: Post, auth_code: Post) -> None:
    assert get_code().status_code == 202
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert answer.status_code == 200, body_of(answer)


def row() -> NumberRow:
    return NumberRow(Read("default", (PHONE,), "login"), connection.cursor())


def lost_write() -> Write:
    values = {"key": "nobody", "version": 2, "seen": 1, "state": {}, "held": False}
    return Write(replace_limit, {**values, "updated_at": timezone.now()})


@OF_POSTGRESQL
def test_a_transaction_is_sent_with_its_beginning(get_code: Post, auth_code: Post) -> None:
    log_in(get_code, auth_code)
    warnings: list[object] = []
    connection.connection.add_notice_handler(warnings.append)
    with sent() as texts:
        get_code(phone_number="+14155552672")
    connection.connection.remove_notice_handler(warnings.append)
    read, writes, record = texts
    assert verbs(read) == ["SELECT"]
    assert verbs(writes) == ["BEGIN", "INSERT", "UPDATE", "INSERT"]
    assert verbs(record) == ["UPDATE"]
    assert not warnings, "psycopg had begun the transaction"
    assert connection.get_autocommit()
    assert connection.connection.autocommit


@OF_POSTGRESQL
def test_a_transaction_that_has_more_to_do_is_as_if_the_driver_had_begun_it(
    get_code: Post,
) -> None:
    get_code()
    otp_code = OTPCode.objects.get()
    autocommit = []

    def write_twice(row: NumberRow) -> None:
        with row.replaced_by(row.state):
            # Django asks the driver, to know what outlives the transaction.
            autocommit.append(connection.connection.autocommit)
            row.write(row.supersession(otp_code))

    with sent() as texts:
        in_rounds(PHONE, write_twice)
    assert [verbs(text) for text in texts] == [["SELECT"], ["BEGIN", "UPDATE"], ["UPDATE"]]
    assert autocommit == [False]


@OF_POSTGRESQL
@pytest.mark.parametrize("setting", ["read_only", "deferrable"])
def test_a_transaction_is_as_the_connection_is_set(
    get_code: Post, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_connection()
    setattr(connection.connection, setting, False)
    try:
        with sent() as texts:
            assert get_code().status_code == 202
    finally:
        setattr(connection.connection, setting, None)
    assert "BEGIN" not in [verb for text in texts for verb in verbs(text)]


@OF_POSTGRESQL
def test_a_lost_round_waits_with_no_shared_row_locked(get_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[]):
        get_code()
        # Of an address that is new, whose row cannot be locked before it is there.
        Limit.objects.filter(key__startswith="ip:").delete()
        with sent() as texts:
            get_code()
    assert [verbs(text) for text in texts] == [
        ["SELECT"],
        ["BEGIN", "UPDATE"],
        ["INSERT", "UPDATE"],
        ["UPDATE"],
    ]


def drained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    result = execute(sql, params, many, context)
    while not sql.startswith("SELECT") and context["cursor"].nextset():
        pass
    return result


def prefixed(execute: Any, sql: str, *rest: Any) -> Any:
    """As django-pghistory tells a trigger who changes a row."""
    if sql.startswith("SELECT"):
        return execute(sql, *rest)
    return drained(execute, f"SET LOCAL a.person = 7; {sql}", *rest)


@OF_POSTGRESQL
@pytest.mark.parametrize("wrapper", [drained, prefixed])
def test_wrappers_of_the_site_may_go_through_the_results(
    wrapper: Any, get_code: Post, auth_code: Post
) -> None:
    with connection.execute_wrapper(wrapper):
        log_in(get_code, auth_code)
        get_code(phone_number="+14155552672")
        wrong = auth_code(phone_number="+14155552672", code="0")
        assert wrong.status_code == 401
    assert OTPCode.objects.get(phone_number="+14155552672").failed_attempts == 1


class Reconnecting(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        connection.close()
        return True


def test_a_hook_may_close_the_connection(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(CHALLENGE=f"{__name__}.Reconnecting"):
        log_in(get_code, auth_code)


def test_the_transaction_is_written_to_by_its_own_connection() -> None:
    of_number, left = row(), connection.connection
    # As a pool does it: the connection lives on, for others.
    connection.connection = None
    try:
        of_number.replace(of_number.state.unlocked())
        assert Limit.objects.filter(key=PHONE).exists()
        assert connection.connection is not left
    finally:
        left.close()


@OF_POSTGRESQL
def test_a_grant_may_read_through_a_cursor_of_the_server(
    get_code: Post, django_user_model: Any
) -> None:
    get_code()

    def grant(user: Any) -> list[Any]:
        return list(django_user_model.objects.select_for_update().iterator())

    number = parse_phone_number(PHONE)
    for _ in range(2):  # A user who is registered, and one who is known.
        answer = redeem_code(last_code(), phone_number=number, grant=grant)
        assert isinstance(answer, Redeemed)
        assert answer.granted == [answer.user]
        get_code()


def test_a_write_that_matches_nothing_undoes_the_others() -> None:
    in_rounds(PHONE, lambda row: row.replace(row.state.with_send(row.now, memory=MEMORY)))
    before = list(Limit.objects.values())
    of_number = row()
    with pytest.raises(LostRound):
        of_number.replace(of_number.state.unlocked(), lost_write())
    assert list(Limit.objects.values()) == before
    assert connection.get_autocommit()


def test_shared_rows_are_written_in_the_order_of_their_keys() -> None:
    # Two requests that lock the same rows in different orders wait for each other for ever.
    keys = ("ip:192.0.2.1", "country:JM", "site")
    read = NumberRow(Read("default", (PHONE, *keys), "login"), connection.cursor())
    written: list[str] = []

    def note(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        written.extend(each for each in params or () if each in (PHONE, *keys))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(note):
        read.replace(read.state, shared=dict.fromkeys(keys, SharedState()))
    assert written == [PHONE, "country:JM", "ip:192.0.2.1", "site"]


def test_it_is_said_how_many_rows_each_has_matched() -> None:
    live, dead = OTPCodeFactory.create_batch(2, phone_number=PHONE)
    OTPCode.objects.filter(pk=dead.pk).update(redeemed_at=timezone.now())

    def supersede(row: NumberRow) -> list[int]:
        with row.replaced_by(row.state):
            return row.write(row.supersession(live), row.supersession(dead))

    assert in_rounds(PHONE, supersede) == [1, 0]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_duplicate_in_another_table_is_no_lost_race(is_known: bool) -> None:
    otp_code = OTPCodeFactory.create(phone_number=PHONE)
    if not is_known:
        Limit.objects.all().delete()
    before = list(Limit.objects.values())
    calls: list[int] = []

    def add_again(row: NumberRow) -> None:
        calls.append(1)
        names = [field.attname for field in OTPCode._meta.concrete_fields]
        values = {name: getattr(otp_code, name) for name in names}
        given = {name: value for name, value in values.items() if value is not None}
        row.replace(row.state, row.new_code(**given)[1])

    with pytest.raises(IntegrityError):
        in_rounds(PHONE, add_again)
    # One round more, for a user that another login may have made.
    assert len(calls) == 2
    assert list(Limit.objects.values()) == before


def test_a_duplicate_of_a_sites_own_is_no_lost_race() -> None:
    columns = {"user_id": UserFactory.create().pk, "phone_number": PHONE, "is_primary": True}
    values = {**columns, "verified_at": timezone.now()}
    VerifiedPhone.objects.create(**values)
    again = Write(Statement(lambda: insert(VerifiedPhone, values)), values)
    # The number's row is there: only then none of the limits can be the one.
    in_rounds(PHONE, lambda row: row.replace(row.state))
    with pytest.raises(IntegrityError):
        in_rounds(PHONE, lambda row: row.replace(row.state, again))


@OF_POSTGRESQL
def test_a_row_that_its_table_refuses_is_no_lost_race() -> None:
    calls: list[int] = []

    def add_half(row: NumberRow) -> None:
        calls.append(1)
        values = {"key": "site", "state": {}, "version": 1, "updated_at": None, "held": False}
        row.write(Write(insert_limit, values))

    with pytest.raises(IntegrityError):
        in_rounds(PHONE, add_half)
    assert len(calls) == 2


@OF_POSTGRESQL
def test_where_the_server_binds_values_people_log_in(get_code: Post, auth_code: Post) -> None:
    with connected_with(server_side_binding=True), sent() as texts:
        for _ in range(2):  # A number that is new, and one that is known.
            log_in(get_code, auth_code)
    assert all(len(verbs(text)) == 1 for text in texts)
