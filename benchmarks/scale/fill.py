"""Fills the tables of a site as a month leaves them, by SQL alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from ..postgresql import Config, connect
from ..sites.base import FIRST

__all__ = ["CODES_OF_A_USER", "fill"]

CODES_OF_A_USER = 10
DAYS = 30

PHONE = f"'+1' || ({FIRST} + n)"
ADDRESS = "'198.' || 18 + n / 65536 || '.' || n / 256 % 256 || '.' || n % 256"
"""As :class:`benchmarks.sites.base.Visitor` has them."""

CREATED = f"now() + (code::float8 / codes - 1) * interval '{DAYS} days'"
REDEEMED = "code % 10 < 7"
FAILED = "code % 30 = 0"
AT = f"extract(epoch FROM now() - interval '{DAYS} days')"

USER = {
    "id": "n",
    "password": "'!'",
    "is_superuser": "false",
    "username": "'user_' || md5(n::text)",
    "first_name": "''",
    "last_name": "''",
    "email": "''",
    "is_staff": "false",
    "is_active": "true",
    "date_joined": "now()",
}
VERIFIED_PHONE = {
    "user_id": "n",
    "phone_number": PHONE,
    "verified_at": "now()",
    "last_used_at": "now()",
    "is_primary": "true",
    "is_test": "false",
}
CODE = {
    "id": "md5(code::text)::uuid",
    "phone_number": PHONE,
    "region": "'US'",
    "purpose": "'login'",
    "user_id": f"CASE WHEN {REDEEMED} THEN n END",
    "context": "''",
    "seed": "md5((-code)::text)",
    "key_id": "'0123456789abcdef'",
    "code_length": "6",
    "created_at": CREATED,
    "expires_at": f"{CREATED} + interval '1 hour'",
    "send_count": "1",
    "failed_attempts": "0",
    "redeemed_at": f"CASE WHEN {REDEEMED} THEN {CREATED} + interval '20 seconds' END",
    "channel": "'sms'",
    "language": "'en'",
    "backend": "'default'",
    "message_id": "'SM' || md5(code::text)",
    "delivery_state": f"CASE WHEN {FAILED} THEN 'undelivered' ELSE 'delivered' END",
    "delivery_error": f"CASE WHEN {FAILED} THEN '30005' ELSE '' END",
    "undelivered_by": f"CASE WHEN {FAILED} THEN 'default' ELSE '' END",
    "counted_at": CREATED,
    "claimed_at": CREATED,
    "sent_at": CREATED,
    "delivered_at": f"CASE WHEN {FAILED} THEN NULL ELSE {CREATED} END",
    "withheld_by": "''",
    "exempt": f"{REDEEMED}",
    "recorded": "''",
    "reason": "'allowed'",
}
NUMBER_LIMIT = {
    "kind": "'number'",
    "subject": PHONE,
    "key": PHONE,
    "state": (
        f"jsonb_build_object('succeeded_at', {AT}, "
        f"'sends', jsonb_build_array("
        f"jsonb_build_array({AT}, '01234567', '0123456789abcdef', '')))"
    ),
    "uses": "0",
    "version": "n",
    "updated_at": "now() - interval '1 day'",
    "is_kept": "n % 50 = 0",
    "held": "n % 50 = 0",
}
ADDRESS_LIMIT = NUMBER_LIMIT | {
    "kind": "'ip'",
    "subject": ADDRESS,
    "key": f"'ip:' || {ADDRESS}",
    "uses": "1",
    "state": f"jsonb_build_object('grain_ends_at', {AT})",
    "is_kept": "false",
    "held": "false",
}
"""The columns of each table. Another checkout's may lack some, and have ``reason``, ``key`` and
``held`` in place of others."""

OF_USERS: Sequence[tuple[str, Mapping[str, str]]] = (
    ("auth_user", USER),
    ("django_sms_otp_verifiedphone", VERIFIED_PHONE),
    ("django_sms_otp_limit", NUMBER_LIMIT),
    ("django_sms_otp_limit", ADDRESS_LIMIT),
)
OF_CODES = ("django_sms_otp_otpcode", CODE)

COLUMNS = (
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_name = %s AND table_schema = current_schema()"
)
CONSTRAINTS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE conrelid = %s::regclass AND contype IN ('f', 'p', 'u')"
)
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"


def fill(database: Config, users: int, *, only: Sequence[int] | None = None) -> None:
    """Add users, their numbers, limits and codes.

    :param only: the users that there are, of so many; default: all.
    """
    numbers = f"unnest(ARRAY{list(only)}::bigint[])" if only else "generate_series(1, {users})"
    series = f"(SELECT n::bigint FROM {numbers.format(users=users)} n) AS people"
    # The oldest codes first, as a site writes them.
    codes = (
        f"(SELECT turn * {users} + n AS code, n, {users * CODES_OF_A_USER} AS codes "
        f"FROM generate_series(0, {CODES_OF_A_USER - 1}) turn CROSS JOIN LATERAL {series}) AS c"
    )
    with connect(database) as connection:
        tables = {name for name, _ in (*OF_USERS[1:], OF_CODES)}
        with _indexed_afterwards(connection, tables):
            for name, values in OF_USERS:
                _insert(connection, name, values, series)
            _insert(connection, *OF_CODES, codes)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('auth_user', 'id'), max(id)) FROM auth_user"
        )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _insert(
    connection: psycopg.Connection[Any], table: str, values: Mapping[str, str], series: str
) -> None:
    there = {name for (name,) in connection.execute(COLUMNS, [table])}
    filled = {name: value for name, value in values.items() if name in there}
    names, selected = ", ".join(filled), ", ".join(filled.values())
    connection.execute(f"INSERT INTO {table} ({names}) SELECT {selected} FROM {series}")


@contextmanager
def _indexed_afterwards(
    connection: psycopg.Connection[Any], tables: set[str]
) -> Iterator[None]:
    """Build indexes and keys after the rows, which takes a third of the time."""
    rebuild: list[str] = []
    for table in sorted(tables):
        for name, definition in connection.execute(CONSTRAINTS, [table]).fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            rebuild.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for name, definition in connection.execute(INDEXES, [table]).fetchall():
            connection.execute(f'DROP INDEX "{name}"')
            rebuild.append(definition)
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    for statement in rebuild:
        connection.execute(statement)
