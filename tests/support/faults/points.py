"""The points of a request at which a fault can strike.

Each statement and each ``COMMIT`` is one, and so are handing a message over and answering. What
is a transaction by itself is both.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection as default_connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .plan import Plan

PATIENCE = 10.0

_plan = Plan(Path(os.environ["TEST_SERVER_MESSAGES"]))
_request = threading.local()


def begin_request() -> None:
    _request.passed = 0


def reached(point: str) -> None:
    _request.passed = getattr(_request, "passed", 0) + 1
    action = _plan.take(point, _request.passed)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "drop":
        _drop(default_connection)
    elif action == "deafen":
        _plan.deaf.touch()


def watch(connection: BaseDatabaseWrapper, **_kwargs: object) -> None:
    """Make points of what a connection is told to do."""
    if _at_statement in connection.execute_wrappers:
        return
    connection.execute_wrappers.append(_at_statement)
    commit = connection._commit  # type: ignore[attr-defined]

    def committed() -> None:
        reached("commit")
        commit()
        reached("committed")

    connection._commit = committed  # type: ignore[attr-defined]


def _at_statement(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
) -> Any:
    reached("statement")
    is_transaction = sql.startswith("WITH") and not context["connection"].in_atomic_block
    if not is_transaction:
        return execute(sql, params, many, context)
    reached("commit")
    result = execute(sql, params, many, context)
    reached("committed")
    return result


def _drop(connection: BaseDatabaseWrapper) -> None:
    """Have the database close a connection, and wait until it has."""
    other = connection.copy()
    with other.cursor() as cursor:
        if connection.vendor == "postgresql":
            ours = connection.connection.info.backend_pid
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [ours])
        else:
            ours = connection.connection.thread_id()
            cursor.execute(f"KILL {ours}")
            _wait_until_gone(cursor, ours)
    other.close()


def _wait_until_gone(cursor: Any, thread: int) -> None:
    deadline = time.monotonic() + PATIENCE
    alive = "SELECT 1 FROM information_schema.processlist WHERE id = %s"
    while cursor.execute(alive, [thread]) and time.monotonic() < deadline:
        time.sleep(0.01)
