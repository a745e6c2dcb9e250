"""Problems of the databases' connections."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import connections

from .base import DEPLOY, Problems, check, databases

BOUNDS: Mapping[str, Collection[str]] = {
    "postgresql": {"tcp_user_timeout", "keepalives_idle"},
    "mysql": {"read_timeout"},
}
"""Options by which a client stops waiting for a server that has vanished."""

ELSEWHERE = {"service", "read_default_file"}
"""Options that name a file with more options, which this check does not read."""

LOCAL = {"", "localhost", "127.0.0.1", "::1"}

POOLER_PORT = "6432"
"""Of PgBouncer, by default."""


@check(
    "sms_otp.W017",
    DEPLOY,
    hint="In its OPTIONS set 'tcp_user_timeout' and 'keepalives_idle' (PostgreSQL), or "
    "'read_timeout' (MySQL and MariaDB).",
)
def unbounded_waits() -> Problems:
    for alias, settings in _databases():
        bounds = BOUNDS.get(connections[alias].vendor)
        given = {name for name, value in settings["OPTIONS"].items() if value}
        if bounds and not _is_local(settings) and given.isdisjoint({*bounds, *ELSEWHERE}):
            yield (
                f"DATABASES[{alias!r}] is on another host. If that vanishes, a request waits "
                "for its answer without an end, and holds its thread."
            )


@check(
    "sms_otp.W018",
    DEPLOY,
    hint="Take 'prepare_threshold' out of its OPTIONS. Or silence this, if the pooler tracks "
    "prepared statements: PgBouncer 1.21 with max_prepared_statements.",
)
def prepared_statements_behind_a_pooler() -> Problems:
    for alias, settings in _databases():
        is_pooled = (
            settings.get("DISABLE_SERVER_SIDE_CURSORS") or _port(settings) == POOLER_PORT
        )
        if is_pooled and settings["OPTIONS"].get("prepare_threshold") is not None:
            yield (
                f"DATABASES[{alias!r}] prepares statements, but seems to be behind a pooler in "
                "transaction mode: statements fail with DuplicatePreparedStatement or "
                "InvalidSqlStatementName."
            )


def _databases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for alias in databases():
        yield alias, connections[alias].settings_dict


def _is_local(settings: Mapping[str, Any]) -> bool:
    host = str(settings["HOST"] or settings["OPTIONS"].get("host") or "")
    return host in LOCAL or host.startswith("/")


def _port(settings: Mapping[str, Any]) -> str:
    return str(settings["PORT"] or settings["OPTIONS"].get("port") or "")
