"""What PostgreSQL tells of itself, and rows by the thousand."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model

from django_sms_otp.models import Limit, OTPCode, VerifiedPhone

from .processes import parent_of, processor_seconds

__all__ = [
    "TABLES",
    "connections",
    "database_seconds",
    "fill",
    "size",
    "vacuum",
    "written",
]

TABLES: dict[str, tuple[type[Model], ...]] = {
    "codes": (OTPCode,),
    "limits": (Limit,),
    "users and numbers": (get_user_model(), VerifiedPhone),
}

COLUMNS = [str(field.column) for field in OTPCode._meta.concrete_fields]
COPIED = {
    "id": "gen_random_uuid()",
    "phone_number": "'+1646' || (2000000 + (random() * 7000000)::int)",
    "created_at": "created_at - '2 days'::interval * (1 + random())",
    "expires_at": "expires_at - '4 days'::interval",
}
"""What a copy of a code has otherwise: it is older, and somebody else's."""


def size(models: tuple[type[Model], ...]) -> int:
    """Return the bytes of tables, with their indexes."""
    names = [model._meta.db_table for model in models]
    return int(
        _value(
            "SELECT sum(pg_total_relation_size(n::regclass)) FROM unnest(%s::text[]) n", names
        )
    )


def written() -> int:
    """Return the bytes of the write-ahead log so far."""
    return int(_value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def database_seconds() -> float:
    """Return the time that all processes of the server have had."""
    return processor_seconds(parent_of(int(_value("SELECT pg_backend_pid()"))))


def connections() -> int:
    """Return how many there are to this database, besides this one."""
    return int(
        _value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    )


def fill(rows: int) -> None:
    """Add expired codes, copies of those that are there, until there are so many."""
    values = ", ".join(COPIED.get(name, name) for name in COLUMNS)
    table = OTPCode._meta.db_table
    while (missing := rows - OTPCode.objects.count()) > 0:
        _do(
            f"INSERT INTO {table} ({', '.join(COLUMNS)})"
            f" SELECT {values} FROM {table} LIMIT {missing}"
        )


def vacuum() -> None:
    """Do now what autovacuum would do at a time of its own."""
    _do("VACUUM ANALYZE")
    _do("CHECKPOINT")


def _value(statement: str, *values: list[str]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def _do(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
