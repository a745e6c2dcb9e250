"""A new code and the limits rows that it is counted in, written by one statement: the same as
their writes in a transaction, in one message to the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from psycopg import IsolationLevel

from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import request_code
from django_sms_otp.statements import (
    CODE_FIELDS,
    insert_code,
    insert_code_if_unchanged,
    replace_limit,
)
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.writes import LostRound

from .conftest import PHONE, Post
from .connection_options import connected_with
from .test_kept_plans import steps_of_plan
from .test_statements import CODE, LIMIT, done, rows  # noqa: F401 (a fixture)
from .test_writes import drained, log_in, row, sent, verbs

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL does it"),
]

KEYS = [PHONE, "site"]
OF_A_CODE = {name: getattr(CODE, name) for name in CODE_FIELDS}


@pytest.fixture(autouse=True, params=[5, None], ids=["plans are kept", "planned anew"])
def plans(request: pytest.FixtureRequest) -> Iterator[None]:
    with connected_with(prepare_threshold=request.param):
        yield


def at_once(seen: list[int]) -> int:
    of_rows: dict[str, Any] = {}
    for number, key in enumerate(KEYS):
        values = {**LIMIT, "key": key, "seen": seen[number], "version": 8 + number}
        of_rows |= {f"{name}{number}": value for name, value in values.items()}
    with connection.cursor() as cursor:
        return insert_code_if_unchanged.execute(
            cursor, len(KEYS), *CODE_FIELDS, **of_rows, **OF_A_CODE
        )


def one_by_one() -> None:
    with connection.cursor() as cursor:
        for number, key in enumerate(KEYS):
            replace_limit.execute(cursor, key=key, seen=1, version=8 + number, **LIMIT)
        insert_code.execute(cursor, *CODE_FIELDS, **OF_A_CODE)


def test_it_does_what_its_parts_do() -> None:
    _, inserted, after = done(lambda: at_once([1, 1]))
    assert inserted == 1
    assert after == done(one_by_one)[2]


@pytest.mark.parametrize("seen", [[1, 2], [2, 1], [2, 2]])
def test_where_any_row_has_changed_nothing_is_written(seen: list[int]) -> None:
    _, inserted, after = done(lambda: at_once(seen))
    assert inserted == 0
    assert after == done(lambda: None)[2]


def prefixed(execute: Any, sql: str, *rest: Any) -> Any:
    return execute(f"SET LOCAL a.person = 7; {sql}", *rest)


@pytest.mark.parametrize("wrapper", [drained, prefixed])
def test_a_lost_round_is_found_behind_what_a_wrapper_of_the_site_does(wrapper: Any) -> None:
    mine = row()
    Limit.objects.filter(key=PHONE).update(version=9)
    columns = {**OF_A_CODE, "phone_number": PHONE}
    with connection.execute_wrapper(wrapper), pytest.raises(LostRound):
        mine.replace(mine.state, mine.new_code(**columns)[1])
    assert not OTPCode.objects.filter(pk=CODE.pk).exists()


def test_its_plan_goes_by_indexes_though_it_is_made_while_tables_are_empty() -> None:
    with connected_with(prepare_threshold=5):
        steps = steps_of_plan(lambda cursor: at_once([1, 1]))
    assert "Seq Scan" not in steps


def test_a_request_is_three_messages_to_the_database(get_code: Post, auth_code: Post) -> None:
    for _ in range(2):
        log_in(get_code, auth_code)
    codes = OTPCode.objects.count()
    versions = dict(Limit.objects.values_list("key", "version"))
    with sent() as texts:
        assert get_code().status_code == 202
    read, write, record = (verbs(text) for text in texts)
    assert (len(read), len(record)) == (1, 1)
    assert write in (["WITH"], ["EXECUTE"])
    assert OTPCode.objects.count() == codes + 1
    changed = dict(Limit.objects.values_list("key", "version"))
    assert changed == {key: version + (key != "site") for key, version in versions.items()}


def test_inside_a_transaction_of_the_sites_it_is_refused(
    get_code: Post, auth_code: Post
) -> None:
    log_in(get_code, auth_code)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        request_code(parse_phone_number(PHONE), ip_address="127.0.0.1")
    connection.set_autocommit(False)
    try:
        with pytest.raises(InsideTransaction):
            request_code(parse_phone_number(PHONE), ip_address="127.0.0.1")
    finally:
        connection.rollback()
        connection.set_autocommit(True)


def test_where_the_site_is_stricter_it_is_a_transaction(
    get_code: Post, auth_code: Post
) -> None:
    with connected_with(isolation_level=IsolationLevel.SERIALIZABLE):
        log_in(get_code, auth_code)
        with sent() as texts:
            assert get_code().status_code == 202
    assert verbs(texts[1])[0] == "SET"


def test_a_message_that_is_sent_again_takes_a_transaction(get_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[]):
        get_code()
        get_code()
        with sent() as texts:
            get_code()
    assert len(texts) == 4
    assert OTPCode.objects.latest("created_at").send_count == 3
