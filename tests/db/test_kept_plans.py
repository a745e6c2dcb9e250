"""Where a site lets PostgreSQL keep plans, ours are kept, and do what they did."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, NamedTuple
from unittest import mock

import pytest
from django.db import (
    DatabaseError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
    transaction,
)
from django.db.backends.postgresql.base import Cursor
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext
from psycopg.pq import Format
from psycopg.rows import dict_row

from django_sms_otp.db.drivers import timestamp_loader
from django_sms_otp.db.plans import has_plans, statement_cursor, with_names
from django_sms_otp.db.rounds import NumberRow, in_rounds
from django_sms_otp.db.statements import CODE_FIELDS
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.services import redeem_code
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, last_code
from ..support.connection_options import connected_with
from .test_statements import CODE, PAIRS, Run, rows  # noqa: F401 (a fixture)
from .test_writes import log_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL keeps plans"),
]


NUMBER = parse_phone_number(PHONE)


class Kept(NamedTuple):
    """A plan of this connection's."""

    name: str
    statement: str
    types: str
    made_at: object
    runs: int


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    with connected_with(prepare_threshold=5):
        yield


def plans() -> set[Kept]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, statement, parameter_types::text, prepare_time, "
            "generic_plans + custom_plans FROM pg_prepared_statements"
        )
        return {Kept._make(row) for row in cursor.fetchall()}


def close_behind_our_back() -> None:
    gone = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [gone])
    other.close()


def undone(run: Run) -> tuple[Any, list[Any], set[Kept]]:
    """Run it and undo it; return what it returned, all rows after it, and the plans."""
    with transaction.atomic(), statement_cursor(connections["default"]) as cursor:
        result = run(cursor)
        after = [list(model.objects.order_by("pk").values()) for model in (Limit, OTPCode)]
        found = plans()
        transaction.set_rollback(True)
    return result, after, found


def steps_of_plan(run: Run) -> str:
    """Return how PostgreSQL goes about a statement that it has planned for any values."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        run(statement_cursor(connections["default"]))
        [plan] = plans()
        nothing = ", ".join(["NULL"] * len(plan.types.split(",")))
        cursor.execute(f"EXPLAIN EXECUTE {plan.name} ({nothing})")
        steps = "\n".join(step for (step,) in cursor.fetchall())
        transaction.set_rollback(True)
    return steps


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_does_what_the_statement_does(name: str) -> None:
    run, _ = PAIRS[name]
    undone(run)
    result, after, [plan] = undone(run)
    with connected_with(prepare_threshold=None):
        assert undone(run) == (result, after, set())
    assert plan.runs == 1
    assert '"django_sms_otp_' in plan.statement


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_that_is_made_while_tables_are_empty_goes_by_their_indexes(name: str) -> None:
    run, _ = PAIRS[name]
    assert "Seq Scan" not in steps_of_plan(run)


def test_a_connection_makes_each_plan_once(get_code: Post) -> None:
    def come() -> None:
        assert get_code().status_code == 202
        assert isinstance(redeem_code(last_code(), phone_number=NUMBER), Redeemed)

    for _ in range(2):  # The first request of a number does more.
        come()
    before = plans()
    come()
    # Each statement of a login, and nothing besides.
    assert plans() == {plan._replace(runs=plan.runs + 1) for plan in before}
    assert len(before) == 6


def test_a_connection_has_one_cursor_for_ours(get_code: Post, auth_code: Post) -> None:
    with statement_cursor(connections["default"]) as first:
        log_in(get_code, auth_code)
    with statement_cursor(connections["default"]) as second:
        assert second.cursor is first.cursor
    connection.close()
    log_in(get_code, auth_code)
    assert statement_cursor(connections["default"]).cursor is not first.cursor


def test_a_connection_that_threads_share_keeps_no_plans() -> None:
    # The statement of another thread would come between ours and its rows.
    assert has_plans(statement_cursor(connections["default"]))
    connections["default"].inc_thread_sharing()
    try:
        assert not has_plans(statement_cursor(connections["default"]))
    finally:
        connections["default"].dec_thread_sharing()
    assert has_plans(statement_cursor(connections["default"]))


def test_rows_are_not_what_a_site_makes_of_its_own() -> None:
    run, _ = PAIRS["read_by_keys"]
    connection.ensure_connection()
    connection.connection.row_factory = dict_row
    assert run(statement_cursor(connections["default"]))[0][0] == PHONE


def test_psycopg_itself_reads_the_timestamps() -> None:
    oid, loader = timestamp_loader()
    assert (
        statement_cursor(connections["default"]).cursor.adapters.get_loader(oid, Format.TEXT)
        is loader
    )


def test_a_connection_that_is_closed_is_not_kept() -> None:
    statement_cursor(connections["default"])
    gone = weakref.ref(connection.connection)
    gc.disable()
    try:
        connection.close()
        statement_cursor(connections["default"])
        assert gone() is None
    finally:
        gc.enable()


def test_what_others_ask_meanwhile_does_not_lose_a_plan() -> None:
    run, _ = PAIRS["read_by_keys"]
    for number in range(300):
        connection.cursor().execute("SELECT %s", [number])
        if number % 100 == 0:
            run(statement_cursor(connections["default"]))
    [plan] = plans()
    assert plan.runs == 3


def test_a_value_that_stands_in_several_places_is_sent_once() -> None:
    run, _ = PAIRS["record_delivery"]
    _, _, [plan] = undone(run)
    places = re.findall(r"\$\d+", plan.statement)
    assert len(places) > len(set(places)) == len(plan.types.split(","))


def test_a_plan_may_hold_a_percent_sign() -> None:
    with connection.cursor() as cursor:
        text = with_names("SELECT 10 %% 4, %s, %s", ["", "given"], ["100 %s %(x)s %%"], cursor)
    with statement_cursor(connections["default"]) as cursor:
        cursor.execute(text, {"given": "%s"})
        assert cursor.fetchall() == [(2, "100 %s %(x)s %%", "%s")]


@pytest.mark.parametrize(
    "statement",
    [
        "DEALLOCATE ALL",
        # Behind psycopg's back.
        "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$",
        'ALTER TABLE "{table}" ALTER COLUMN "key" TYPE varchar({length})',
    ],
    ids=["given back", "gone", "of another table"],
)
def test_plans_that_are_no_good_any_more_are_made_anew(
    get_code: Post, auth_code: Post, statement: str
) -> None:
    for _ in range(2):
        log_in(get_code, auth_code)
    table = Limit._meta.db_table
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=table, length=65))
        log_in(get_code, auth_code)
        assert plans()
    finally:
        with connection.cursor() as cursor:
            alter = f'ALTER TABLE "{table}" ALTER COLUMN "key" TYPE varchar(64)'
            cursor.execute(alter)


def test_a_connection_that_is_gone_fails_one_request(get_code: Post, auth_code: Post) -> None:
    for _ in range(2):
        log_in(get_code, auth_code)
    close_behind_our_back()
    assert get_code().status_code == 503
    close_old_connections()  # As at the end of each request, but for those of a test's client.
    log_in(get_code, auth_code)
    assert plans()


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_plans_are_made_anew_outside_of_rounds_too(get_code: Post) -> None:
    assert get_code().status_code == 202
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
    assert get_code().status_code == 429


@pytest.mark.parametrize("is_known", [True, False])
def test_a_site_that_logs_statements_sees_ours_with_their_values(
    get_code: Post, auth_code: Post, is_known: bool
) -> None:
    if is_known:
        statement_cursor(connections["default"])
    with CaptureQueriesContext(connection) as queries:
        log_in(get_code, auth_code)
    assert not plans()
    assert any(PHONE in each["sql"] and " JOIN " in each["sql"] for each in queries)


def test_where_psycopg_keeps_plans_itself_ours_are_not_kept() -> None:
    with connected_with(server_side_binding=True):
        assert not has_plans(statement_cursor(connections["default"]))


def test_what_puts_statements_before_ours_keeps_no_plans(
    get_code: Post, auth_code: Post
) -> None:
    def prefixed(execute: Any, sql: str, *rest: Any) -> Any:
        # As they do: not before what reads, or returns rows.
        prefix = "SET LOCAL a.person = 7; " if sql.startswith(("UPDATE", "WITH")) else ""
        return execute(f"{prefix}{sql}", *rest)

    with connection.execute_wrapper(prefixed):
        for _ in range(2):
            log_in(get_code, auth_code)
    assert not plans()


def test_what_begins_to_look_at_statements_meanwhile_sees_the_next() -> None:
    seen: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(f"SET LOCAL a.person = 7; {sql}", *rest)

    def change(row: NumberRow) -> None:
        _, insertion = row.new_code(**{name: getattr(CODE, name) for name in CODE_FIELDS})
        with connection.execute_wrapper(note):
            row.replace(row.state, insertion)

    in_rounds(PHONE, change)
    assert len(seen) == 1


def test_cursors_that_are_not_djangos_keep_no_plans(get_code: Post, auth_code: Post) -> None:
    class Traced(Cursor):
        """Somebody's who looks at statements."""

    with connected_with(prepare_threshold=5, cursor_factory=Traced):
        for _ in range(2):
            log_in(get_code, auth_code)
        assert not plans()


@pytest.mark.parametrize("is_there_before", [True, False])
@pytest.mark.parametrize("name", ["cursor", "_cursor", "create_cursor"])
def test_what_a_backend_does_for_each_cursor_is_done(
    monkeypatch: pytest.MonkeyPatch, name: str, is_there_before: bool
) -> None:
    # As packages do it that give each tenant a schema.
    names: list[str] = []
    backend: Any = type(connections["default"])
    djangos = getattr(backend, name)

    @wraps(djangos)
    def theirs(self: Any, *args: Any) -> Any:
        names.append(name)
        return djangos(self, *args)

    if not is_there_before:
        statement_cursor(connections["default"])
    monkeypatch.setattr(backend, name, theirs)
    for _ in range(2):
        assert has_plans(statement_cursor(connections["default"]))
    assert names == [name, name]


def test_a_method_of_no_module_is_nobodys() -> None:
    backend: Any = type(connections["default"])
    with mock.patch.object(
        backend, "_cursor", autospec=True, side_effect=backend._cursor
    ) as made:
        for _ in range(2):
            assert has_plans(statement_cursor(connections["default"]))
    assert made.call_count == 2


def test_a_connection_that_a_transaction_has_lost_is_told_as_django_tells_it() -> None:
    ours = connections["default"]
    with transaction.atomic():
        statement_cursor(ours)
        ours.close()
        with pytest.raises(OperationalError, match="closed"):
            statement_cursor(ours)


def test_django_makes_one_cursor_for_all_of_ours() -> None:
    factory = mock.Mock(wraps=Cursor)
    with connected_with(prepare_threshold=5):
        statement_cursor(connections["default"])
        connection.connection.cursor_factory = factory
        # Another factory: it is looked at, and then known.
        statement_cursor(connections["default"])
        assert factory.call_count == 1
        statement_cursor(connections["default"])
        assert factory.call_count == 1


def test_a_connection_whose_cursors_are_others_from_now_on_keeps_no_plans() -> None:
    class Traced(Cursor):
        """Somebody's who looks at statements."""

    for _ in range(2):
        assert has_plans(statement_cursor(connections["default"]))
    connection.connection.cursor_factory = Traced
    assert not has_plans(statement_cursor(connections["default"]))
    connection.connection.cursor_factory = Cursor
    assert has_plans(statement_cursor(connections["default"]))
    connection.connection.prepare_threshold = None
    assert not has_plans(statement_cursor(connections["default"]))


def test_a_driver_whose_method_is_replaced_keeps_no_plans() -> None:
    class Traced(Cursor):
        """Somebody's who looks at statements."""

    def traced(driver: Any) -> Traced:
        return Traced(driver)  # type: ignore[call-arg]  # the stubs do not know it

    statement_cursor(connections["default"])
    with mock.patch.object(type(connection.connection), "cursor", traced):
        assert not has_plans(statement_cursor(connections["default"]))


def test_one_driver_whose_method_is_replaced_keeps_no_plans() -> None:
    class Traced(Cursor):
        """Somebody's who looks at statements."""

    def traced() -> Traced:
        return Traced(connection.connection)  # type: ignore[call-arg]  # the stubs do not know it

    assert has_plans(statement_cursor(connections["default"]))
    with mock.patch.object(connection.connection, "cursor", traced):
        assert not has_plans(statement_cursor(connections["default"]))
    assert has_plans(statement_cursor(connections["default"]))


def test_a_connection_whose_own_method_is_replaced_keeps_no_plans() -> None:
    # As toolbars do it, for a request.
    ours = connections["default"]
    djangos = ours.cursor

    def traced() -> Any:
        return Traced(djangos().cursor, ours)

    class Traced(CursorWrapper):
        """Somebody's who looks at statements."""

    assert has_plans(statement_cursor(ours))
    with mock.patch.object(ours, "cursor", traced):
        assert type(statement_cursor(ours)) is Traced
    assert has_plans(statement_cursor(ours))


def test_a_wrapper_of_cursors_that_is_anothers_keeps_no_plans() -> None:
    class Traced(CursorWrapper):
        """Somebody's who looks at statements."""

    assert has_plans(statement_cursor(connections["default"]))
    with mock.patch("django.db.backends.utils.CursorWrapper", Traced):
        assert not has_plans(statement_cursor(connections["default"]))


def test_a_connection_is_this_threads_alone() -> None:
    ours = connections["default"]
    statement_cursor(ours)
    with ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseError, match="thread"):
        pool.submit(statement_cursor, ours).result()


def test_a_connection_that_is_gone_is_noticed_by_a_health_check(
    get_code: Post, auth_code: Post
) -> None:
    with (
        mock.patch.dict(connection.settings_dict, CONN_HEALTH_CHECKS=True),
        connected_with(prepare_threshold=5),
    ):
        for _ in range(2):
            log_in(get_code, auth_code)
        close_behind_our_back()
        # As at the beginning of a request.
        connections["default"].health_check_done = False  # type: ignore[attr-defined]
        log_in(get_code, auth_code)
        assert plans()
    connection.close()
