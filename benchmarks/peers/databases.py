"""A database for each contestant, on one server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

__all__ = ["own_database"]

Config = Mapping[str, Any]
"""An entry of ``DATABASES``."""


@contextmanager
def own_database(server: Config, name: str) -> Iterator[Config]:
    """Yield an empty database beside that of ``server``; it is dropped afterwards."""
    if server["ENGINE"] == "django.db.backends.sqlite3":
        file = Path(server["NAME"]).with_name(f"{name}.sqlite3")
        file.unlink(missing_ok=True)
        yield {**server, "NAME": str(file)}
        file.unlink()
        return
    if server["ENGINE"] != "django.db.backends.postgresql":
        raise ValueError(f"{server['ENGINE']}: not PostgreSQL, nor SQLite.")
    _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _execute(server, "CREATE DATABASE {}", name)
    try:
        yield {**server, "NAME": name}
    finally:
        _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def connect(config: Config, *, database: str | None = None) -> psycopg.Connection[Any]:
    """Connect to PostgreSQL, to commit each statement."""
    keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = {key: config[name] for key, name in keys.items() if config.get(name)}
    options = dict(config.get("OPTIONS", {}))
    name = database or str(config["NAME"])
    return psycopg.connect(dbname=name, autocommit=True, **given, **options)


def _execute(server: Config, statement: str, name: str) -> None:
    with connect(server, database="postgres") as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
