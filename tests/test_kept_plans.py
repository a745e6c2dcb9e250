"""Where a site lets PostgreSQL keep plans, ours are kept, and do what they did."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.db import connection

from django_sms_otp.models import Limit
from django_sms_otp.statements import record_delivery

from .conftest import Post
from .connection_options import connected_with
from .test_statements import MINE, NOW, PAIRS, SENT, Run, done, rows  # noqa: F401 (a fixture)
from .test_writes import log_in, sent, verbs

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL keeps plans"),
]


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    with connected_with(prepare_threshold=5):
        yield


def steps_of_plan(run: Run) -> str:
    """Return how PostgreSQL goes about a statement that it has planned for any values."""
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        done(lambda: run(cursor))
        cursor.execute("SELECT name, parameter_types FROM pg_prepared_statements")
        [(plan, types)] = cursor.fetchall()
        cursor.execute(f"EXPLAIN EXECUTE {plan} ({', '.join(['NULL'] * len(types))})")
        return "\n".join(step for (step,) in cursor.fetchall())


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_does_what_the_statement_does(name: str) -> None:
    run, _ = PAIRS[name]

    def compiled() -> object:
        with connection.cursor() as cursor:
            return run(cursor)

    done(compiled)
    [(text, _)], found, after = done(compiled)
    assert text.startswith("EXECUTE sms_otp_")
    with connected_with(prepare_threshold=None):
        [(text, _)], expected, expected_after = done(compiled)
    assert "EXECUTE" not in text
    assert (found, after) == (expected, expected_after)


def test_a_connection_makes_each_plan_once(get_code: Post, auth_code: Post) -> None:
    with sent() as first:
        log_in(get_code, auth_code)
        # The first request of a number does more.
        log_in(get_code, auth_code)
    with sent() as second:
        log_in(get_code, auth_code)
    assert {"PREPARE", "EXECUTE"} <= {verb for text in first for verb in verbs(text)}
    assert not [text for text in second if '"django_sms_otp_' in text]
    assert "EXECUTE" in {verb for text in second for verb in verbs(text)}


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_that_is_made_while_tables_are_empty_goes_by_their_indexes(name: str) -> None:
    run, _ = PAIRS[name]
    assert "Seq Scan" not in steps_of_plan(run)


def test_a_value_that_stands_in_several_places_is_sent_once() -> None:
    with connection.cursor() as cursor, sent() as texts:
        record_delivery.execute(
            cursor, SENT["delivery_state"], *SENT, id=MINE["id"], claimed_at=NOW, **SENT
        )
    declaration, call = texts
    places = re.findall(r"\$\d", declaration)
    assert len(places) > len(set(places))
    assert call.count("%s") == len({*SENT, "id", "claimed_at"})


@pytest.mark.parametrize(
    "statement",
    ["DEALLOCATE ALL", 'ALTER TABLE "{table}" ALTER COLUMN "key" TYPE varchar({length})'],
    ids=["gone", "of another table"],
)
def test_plans_that_are_no_good_any_more_are_made_anew(
    get_code: Post, auth_code: Post, statement: str
) -> None:
    log_in(get_code, auth_code)
    table = Limit._meta.db_table
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=table, length=65))
        log_in(get_code, auth_code)
    finally:
        with connection.cursor() as cursor:
            alter = f'ALTER TABLE "{table}" ALTER COLUMN "key" TYPE varchar(64)'
            cursor.execute(alter)


def test_where_psycopg_keeps_plans_itself_ours_are_not_kept(
    get_code: Post, auth_code: Post
) -> None:
    with connected_with(server_side_binding=True), sent() as texts:
        log_in(get_code, auth_code)
    assert not any("EXECUTE" in text for text in texts)
