"""What changes a code and the limits rows that it is counted in, by one statement: the same as
their writes in a transaction, in one message to the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import IsolationLevel

from django_sms_otp.db.compiled import Statement
from django_sms_otp.db.plans import statement_cursor
from django_sms_otp.db.statements import (
    CODE_FIELDS,
    WITH_LIMITS,
    consume_code,
    count_attempt,
    insert_code,
    replace_limit,
    resend_code,
)
from django_sms_otp.db.writes import LostRound
from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, last_code, wrong
from ..support.connection_options import connected_with
from .test_kept_plans import steps_of_plan
from .test_statements import (  # noqa: F401 (rows is a fixture)
    CODE,
    LIMIT,
    MINE,
    NOW,
    REQUEST_ID,
    RESENT,
    USER_ID,
    rows,
)
from .test_writes import drained, log_in, row, sent, verbs

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL does it"),
]

KEYS = [PHONE, "site"]
OF_A_CODE = {name: getattr(CODE, name) for name in CODE_FIELDS}


class Change(NamedTuple):
    """What changes a code, besides its limits."""

    statement: Statement
    shape: Sequence[str]
    values: Mapping[str, Any]


COUNTED = {"seen": 0, "failed_attempts": 1}
REDEEMED = {"seen": 0, "failed_attempts": 0, "redeemed_at": NOW, "user_id": USER_ID}
CHANGES = {
    "insert": Change(insert_code, CODE_FIELDS, OF_A_CODE),
    "resend": Change(resend_code, [*RESENT], {**MINE, **RESENT}),
    "count": Change(count_attempt, (), {**MINE, **COUNTED}),
    "consume": Change(consume_code, (), {**MINE, **REDEEMED}),
}


@pytest.fixture(autouse=True, params=[5, None], ids=["plans are kept", "planned anew"])
def plans(request: pytest.FixtureRequest) -> Iterator[None]:
    with connected_with(prepare_threshold=request.param):
        yield


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


def at_once(change: Change, seen: Sequence[int] = (1, 1)) -> int:
    with statement_cursor(connections["default"]) as cursor:
        return run_at_once(cursor, change, seen)


def run_at_once(cursor: CursorWrapper, change: Change, seen: Sequence[int] = (1, 1)) -> int:
    of_rows: dict[str, Any] = {}
    for number, key in enumerate(KEYS):
        values = {**LIMIT, "key": key, "seen": seen[number], "version": 8 + number}
        of_rows |= {f"{name}{number}": value for name, value in values.items()}
    statement, values = WITH_LIMITS[change.statement], {**of_rows, **change.values}
    return statement.execute(cursor, len(KEYS), *change.shape, **values)


def one_by_one(change: Change) -> None:
    with connection.cursor() as cursor:
        for number, key in enumerate(KEYS):
            replace_limit.execute(cursor, key=key, seen=1, version=8 + number, **LIMIT)
        assert change.statement.execute(cursor, *change.shape, **change.values) == 1


def after(run: Callable[[], object]) -> list[Any]:
    """Return all rows after it, and undo it."""
    with transaction.atomic():
        run()
        found = [list(model.objects.order_by("pk").values()) for model in (Limit, OTPCode)]
        transaction.set_rollback(True)
    return found


def test_every_change_is_tried() -> None:
    assert {change.statement for change in CHANGES.values()} == set(WITH_LIMITS)


def test_it_does_what_its_parts_do(change: Change) -> None:
    changed: list[int] = []
    assert after(lambda: changed.append(at_once(change))) == after(lambda: one_by_one(change))
    assert changed == [1]


@pytest.mark.parametrize("seen", [[1, 2], [2, 1], [2, 2]])
def test_where_any_row_has_changed_nothing_is_written(
    change: Change, seen: Sequence[int]
) -> None:
    changed: list[int] = []
    assert after(lambda: changed.append(at_once(change, seen))) == after(lambda: None)
    assert changed == [0]


ENDED: list[dict[str, Any]] = [
    {"redeemed_at": NOW},
    {"superseded_at": NOW},
    {"expires_at": NOW},
]
GUESSED = {"failed_attempts": 1}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        *(("resend", columns) for columns in ENDED),
        *(("count", columns) for columns in (*ENDED, GUESSED)),
        *(("consume", columns) for columns in (*ENDED, GUESSED)),
    ],
)
def test_where_the_code_has_changed_nothing_is_written(
    name: str, columns: dict[str, Any]
) -> None:
    OTPCode.objects.filter(pk=REQUEST_ID).update(**columns)
    changed: list[int] = []
    assert after(lambda: changed.append(at_once(CHANGES[name]))) == after(lambda: None)
    assert changed == [0]


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


def test_its_plan_goes_by_indexes_though_it_is_made_while_tables_are_empty(
    change: Change,
) -> None:
    with connected_with(prepare_threshold=5):
        steps = steps_of_plan(lambda cursor: at_once(change))
    assert "Seq Scan" not in steps


def test_a_request_is_three_messages_to_the_database(get_code: Post, auth_code: Post) -> None:
    for _ in range(2):
        log_in(get_code, auth_code)
    codes = OTPCode.objects.count()
    versions = dict(Limit.objects.values_list("key", "version"))
    with sent() as texts:
        assert get_code().status_code == 202
    read, write, record = (verbs(text) for text in texts)
    assert (read, write, record) == (["SELECT"], ["WITH"], ["UPDATE"])
    assert OTPCode.objects.count() == codes + 1
    changed = dict(Limit.objects.values_list("key", "version"))
    assert changed == {key: version + (key != "site") for key, version in versions.items()}


def test_a_guess_is_written_by_one_message_to_the_database(get_code: Post) -> None:
    number = parse_phone_number(PHONE)
    for _ in range(2):
        get_code()
        code = last_code()
        with sent() as rejected:
            redeem_code(wrong(code), phone_number=number)
        with sent() as accepted:
            assert isinstance(redeem_code(code, phone_number=number), Redeemed)
    assert [verbs(text) for text in rejected] == [["SELECT"], ["WITH"]]
    assert [verbs(text) for text in accepted] == [["SELECT"], ["SELECT"], ["WITH"]]
    used_up = OTPCode.objects.latest("created_at")
    assert (used_up.failed_attempts, used_up.redeemed_at is None) == (1, False)


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


def test_a_message_that_is_sent_again_takes_one_statement_too(get_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[]):
        get_code()
        get_code()
        with sent() as texts:
            get_code()
    assert [verbs(text) for text in texts] == [["SELECT"], ["WITH"], ["UPDATE"]]
    assert OTPCode.objects.latest("created_at").send_count == 3
