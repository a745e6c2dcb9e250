"""A thread that makes service calls, and stops before every step of theirs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import get_connection

from .footprints import NONE, Footprint, Tables, verb_of

Call = Callable[[], object]

Wrapper = Callable[..., Any]
"""What Django calls an execute wrapper."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a call is about to do.

    :param held: tables that its transaction has written before.
    """

    text: str
    footprint: Footprint
    held: frozenset[str]
    ends_transaction: bool = False


class BrokenOff(BaseException):
    """Nobody wants to know how this call goes on. Not for the code under test to catch."""


class Caller:
    """A thread with a database connection of its own.

    It and the scheduler take turns: one of them waits while the other one changes anything
    here. What both may change at once is behind ``changed``.

    :ivar step: what the call is about to do; ``None`` on its way there, and after its end.
    :ivar under_way: what it was let do last.
    :ivar moving: it has neither stopped nor ended.
    :ivar waited: the statement under way had to wait; set by who looks at it.
    :ivar failed: the statement under way has failed.
    :ivar outcome: what the call returned or raised.
    """

    def __init__(
        self, tables: Tables, changed: threading.Condition, wrappers: Sequence[Wrapper]
    ) -> None:
        self.step: Step | None = None
        self.under_way: Step | None = None
        self.moving = False
        self.waited = False
        self.failed = False
        self.outcome: object = None
        self._tables = tables
        self._changed = changed
        self._wrappers = wrappers
        self._written = NONE
        self._broken_off = False
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._turn = threading.Semaphore(0)
        pid: Future[int] = Future()
        self._thread = threading.Thread(target=self._make_calls, args=[pid], daemon=True)
        self._thread.start()
        self.pid = pid.result()

    @property
    def may_wait(self) -> bool:
        """Only who writes ever waits for a row."""
        return self.under_way is not None and bool(self.under_way.footprint.writes)

    def begin(self, call: Call) -> None:
        self._broken_off, self.failed = False, False
        self.under_way, self.moving = None, True
        self._calls.put(call)

    def go_on(self) -> None:
        self.under_way, self.step = self.step, None
        self.moving, self.waited, self.failed = True, False, False
        self._turn.release()

    def break_off(self) -> None:
        self._broken_off = True
        if self.step is not None:
            self.go_on()

    def close(self) -> None:
        self._calls.put(None)
        self._thread.join()

    # From here on, in the thread.

    def _make_calls(self, pid: Future[int]) -> None:
        database = get_connection()
        try:
            pid.set_result(_connect(database))
            with self._stops(database):
                for call in iter(self._calls.get, None):
                    self._make(call)
        except BaseException as error:
            if pid.done():
                raise
            pid.set_exception(error)
        finally:
            database.close()

    def _make(self, call: Call) -> None:
        try:
            self.outcome = call()
        except BrokenOff as error:
            self.outcome = error
        except Exception as error:
            self.outcome = error
        with self._changed:
            self.moving = False
            self._changed.notify()

    @contextmanager
    def _stops(self, database: Any) -> Iterator[None]:
        # Django hands statements to wrappers, but not the ends of transactions.
        commit = partial(self._end, "COMMIT", self._tables.of_commit, database._commit)
        rollback = partial(self._end, "ROLLBACK", self._tables.of_rollback, database._rollback)
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(database, "_commit", commit))
            stack.enter_context(mock.patch.object(database, "_rollback", rollback))
            for wrapper in (*self._wrappers, self._execute):
                stack.enter_context(database.execute_wrapper(wrapper))
            yield

    def _execute(
        self, execute: Wrapper, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        alone = not context["connection"].in_atomic_block
        verb, footprint = verb_of(sql), self._tables.of_statement(sql, alone=alone)
        text = " ".join([verb, *sorted(self._tables.named_in(sql))])
        self._stop(text, footprint, ends_transaction=verb == "ROLLBACK")
        if self._broken_off:
            raise BrokenOff
        try:
            result = execute(sql, params, many, context)
        except Exception:
            self._fail(whole=not any(context["connection"].savepoint_ids))
            raise
        # A statement that found no row has locked none, unless it waited: then it may have
        # found one that no longer fits, and has locked it.
        if not alone and (self.waited or context["cursor"].rowcount != 0):
            self._written |= footprint.writes
        return result

    def _fail(self, *, whole: bool) -> None:
        # PostgreSQL gives up the transaction, or what came after the savepoint, and with it the
        # locks, at once: the ROLLBACK that follows is a formality.
        self.failed = True
        if whole:
            self._written = NONE

    def _end(
        self,
        text: str,
        footprint_of: Callable[[frozenset[str]], Footprint],
        end: Callable[[], None],
    ) -> None:
        self._stop(text, footprint_of(self._written), ends_transaction=True)
        self._written = NONE
        end()

    def _stop(self, text: str, footprint: Footprint, *, ends_transaction: bool) -> None:
        step = Step(text, footprint, self._written, ends_transaction)
        with self._changed:
            if self._broken_off:
                return
            self.step, self.moving = step, False
            self._changed.notify()
        self._turn.acquire()


def _connect(database: BaseDatabaseWrapper) -> int:
    """Connect, and return the process id of the server's side."""
    with database.cursor() as cursor:
        # Nobody sees a COMMIT later for that; it only spares the disk.
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
