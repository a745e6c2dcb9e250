"""Ways in which the database goes away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper

from .proxy import Address

PORTS = {"postgresql": 5432, "mysql": 3306}
OTHERS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND pid <> pg_backend_pid()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = database() "
    "AND id <> connection_id()",
}
CLOSE = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
PATIENCE = 10.0


def database_address() -> Address:
    """Return where the database server of the tests listens."""
    settings = connection.settings_dict
    host = settings["HOST"] or settings["OPTIONS"].get("host") or "127.0.0.1"
    port = int(settings["PORT"] or PORTS[connection.vendor])
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def close_all_others() -> None:
    """Have the database server close each connection to this database but our own."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while others := _others(cursor):
            assert time.monotonic() < deadline
            for other in others:
                cursor.execute(CLOSE[connection.vendor], [other])
            time.sleep(0.02)


@contextmanager
def locked_database_file() -> Iterator[None]:
    """Keep everybody out of an SQLite file, as a backup or a stuck process does."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=10)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield
        lock.rollback()


def other_connections() -> list[int]:
    """Return the database server's ids of the connections to this database but our own."""
    with connection.cursor() as cursor:
        return _others(cursor)


def _others(cursor: CursorWrapper) -> list[int]:
    cursor.execute(OTHERS[connection.vendor])
    return [other for (other,) in cursor.fetchall()]
