"""Runs several calls at once, one step at a time, in an order that somebody chooses.

A step is a statement, a COMMIT or a ROLLBACK. BEGIN is none: at READ COMMITTED it changes
nothing for anybody. What lies between two steps is Python of one call alone.

A statement may have to wait in the database for a row that another call has locked. PostgreSQL
itself is asked about that: no time-out decides, and a slow machine makes the tests slow, not
wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from types import TracebackType
from typing import Self

from django.db import connection

from .caller import Call, Caller, Step, Wrapper
from .footprints import Footprint, Tables

LOOK_EVERY = 0.002
"""Seconds between two looks at whether a statement waits."""

MOST_LOOKS = 60_000
"""After these the tests hang, and should say so."""

WHO_WAITS = "SELECT pid, pg_blocking_pids(pid) FROM unnest(%s::int[]) AS pid"


class Queued(Exception):
    """Two calls wait for one row, and it is up to the database which of them gets it.

    Such an order cannot be run twice. It need not be: each of the two results comes of an order
    in which the later one asks for the row when the earlier one has got it. That it asked
    before makes no difference: who waited for a row sees its newest version.
    """


class Scheduler:
    """Several callers, of which one moves at a time.

    :param wrappers: execute wrappers for the callers' connections.
    """

    def __init__(self, callers: int, wrappers: Sequence[Wrapper] = ()) -> None:
        self._size = callers
        self._wrappers = wrappers
        self._changed = threading.Condition()
        self._callers: list[Caller] = []
        # Whom each waiting caller waits for. Holds until a transaction ends or fails.
        self._waits: dict[Caller, set[int]] = {}

    def __enter__(self) -> Self:
        tables = Tables(connection)
        with ExitStack() as stack:
            for _ in range(self._size):
                caller = Caller(tables, self._changed, self._wrappers)
                stack.callback(caller.close)
                self._callers.append(caller)
            self._close = stack.pop_all().close
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def run(
        self,
        calls: Sequence[Call],
        choose: Callable[[Mapping[int, Step]], int],
        note: Callable[[Footprint], None] = lambda footprint: None,
    ) -> list[object]:
        """Run ``calls`` at once, and return their outcomes: what each returned or raised.

        :param choose: told the next step of each call that can go on, by the call's place in
            ``calls``, returns which one goes on. If it raises, all calls are broken off.
        :param note: told after each step what it touched, the statements of others that it let
            go through included.
        :raises Queued: the order cannot be run reliably.
        """
        try:
            for caller, call in zip(self._callers, calls, strict=True):
                caller.begin(call)
            self._settle()
            while steps := self._steps():
                caller, waited = self._callers[choose(steps)], self._under_way()
                self._let_go(caller)
                self._settle()
                note(self._footprint(caller, waited))
                self._forbid_queues()
            return [caller.outcome for caller in self._callers]
        finally:
            self._break_off()

    def _steps(self) -> dict[int, Step]:
        return {
            number: caller.step
            for number, caller in enumerate(self._callers)
            if caller.step is not None
        }

    def _footprint(self, caller: Caller, waited: list[Step]) -> Footprint:
        """Return what the step that was made turned out to touch.

        :param waited: the statements that waited when it was made.
        """
        step = caller.under_way
        if step is None:
            return Footprint()
        footprint = step.footprint
        if caller.waited or caller.failed:
            # It failed and let go what was locked before, or it may yet, in a deadlock.
            footprint |= Footprint(writes=step.held)
        if step.ends_transaction or caller.failed:
            for other in waited:
                footprint |= other.footprint
        return footprint

    def _under_way(self) -> list[Step]:
        """Return the statements that wait."""
        waiting = [caller for caller in self._waits if caller.moving]
        return [caller.under_way for caller in waiting if caller.under_way is not None]

    def _let_go(self, caller: Caller) -> None:
        if caller.step is not None and caller.step.ends_transaction:
            self._waits.clear()
        self._waits.pop(caller, None)
        caller.go_on()

    def _settle(self) -> None:
        """Return when every call has stopped, has ended, or waits for one that has stopped."""
        noted: set[Caller] = set()
        with self._changed:
            for _ in range(MOST_LOOKS):
                noted |= self._forget_who_waits_for_failed(noted)
                settled = self._settled()
                if len(settled) == len(self._callers):
                    return
                if not self._changed.wait(LOOK_EVERY):
                    self._look_who_waits(settled)
        raise RuntimeError(
            "A call neither ended nor stopped, and waits for none of the others."
        )

    def _forget_who_waits_for_failed(self, noted: set[Caller]) -> set[Caller]:
        failed = {caller for caller in self._callers if caller.failed}
        if failed - noted:
            self._waits.clear()
        return failed

    def _settled(self) -> set[Caller]:
        settled = {caller for caller in self._callers if not caller.moving}
        while True:
            # In a deadlock each waits for one that moves, until the database ends it.
            pids = {caller.pid for caller in settled}
            more = {caller for caller, whom in self._waits.items() if whom & pids} - settled
            if not more:
                return settled
            settled |= more

    def _look_who_waits(self, settled: set[Caller]) -> None:
        # Who waits for a settled call waits on. One that waits for a call that moves may be on
        # its way a moment later: the next look tells.
        pids = {caller.pid for caller in settled}
        others = {
            caller.pid: caller
            for caller in self._callers
            if caller not in settled and caller.may_wait
        }
        if not others:
            return
        with connection.cursor() as cursor:
            cursor.execute(WHO_WAITS, [list(others)])
            for pid, waits_for in cursor.fetchall():
                if whom := pids.intersection(waits_for):
                    self._waits[others[pid]] = whom
                    others[pid].waited = True

    def _forbid_queues(self) -> None:
        for one, other in combinations(self._under_way(), 2):
            if not one.footprint.commutes_with(other.footprint):
                raise Queued

    def _break_off(self) -> None:
        self._waits.clear()
        with self._changed:
            for caller in self._callers:
                caller.break_off()
            while any(caller.moving for caller in self._callers):
                self._changed.wait()
