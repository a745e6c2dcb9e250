"""A circuit breaker for each backend, in the database, where all processes see it.

A circuit is closed until a number of sends in a row have failed. Then it opens: the backend is
passed over for a while. After that one message tries the backend, the probe. If it is sent, the
circuit closes; if not, the circuit stays open for twice as long. If the process of a probe
dies, the next one starts after
:data:`~django_sms_otp.backends.composite.circuit_state.PROBE_LEASE`.

Circuits save time, and nothing depends on them: without the database each one counts as it was
last seen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import Error, connections
from django.utils import timezone

from ...db import LimitRow, Write, change_limit, database_alias
from ...exceptions import Contention, InsideTransaction
from ...limits.keys import CIRCUIT, LimitKey
from ...logs import log_fields
from ...models import Limit
from ...signals import circuit_closed, circuit_opened
from .circuit_state import CLOSED, Circuit, Policy

__all__ = [
    "claim_probe",
    "close",
    "forget_seen",
    "note_failure",
    "note_success",
    "read_circuits",
]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")

"""A limit's key has 64 characters."""

FRESH_FOR = 1.0
"""Seconds that a process relies on the state of a circuit that it has read."""


class _Seen:
    """The circuits as this process last saw them. Threads share it.

    ``is_lost`` tells whether the database was lost at the last attempt.
    """

    is_lost = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._circuits: dict[str, tuple[float, Circuit]] = {}

    def of(self, alias: str) -> Circuit:
        return self._circuits.get(alias, (0.0, CLOSED))[1]

    def take_stale(self, aliases: Iterable[str]) -> dict[str, Circuit]:
        """Return the circuits that this thread is to read. Until it has read them, other
        threads use the old state, and do not read the same rows."""
        now = time.monotonic()
        with self._lock:
            stale = {
                alias: self.of(alias)
                for alias in aliases
                if self._circuits.get(alias, (now, CLOSED))[0] <= now
            }
            for alias, circuit in stale.items():
                self._circuits[alias] = (now + FRESH_FOR, circuit)
        return stale

    def put(self, alias: str, circuit: Circuit, *, instead_of: Circuit | None = None) -> None:
        """Remember a circuit.

        :param instead_of: do nothing if another thread has put something else in its place.
        """
        with self._lock:
            if instead_of is None or self.of(alias) is instead_of:
                self._circuits[alias] = (time.monotonic() + FRESH_FOR, circuit)

    def forget(self) -> None:
        self.is_lost = False
        with self._lock:
            self._circuits.clear()


_seen = _Seen()


def read_circuits(aliases: Iterable[str]) -> dict[str, Circuit]:
    """Return the circuits of backends, as they were within the last second. This takes one
    statement at most, and a lost database is no error."""
    names = list(aliases)
    if stale := _seen.take_stale(names):
        rows = _or_none(lambda: _read(stale))
        if rows is not None:
            for alias, seen in stale.items():
                circuit = Circuit.from_json(rows.get(alias, {}))
                _seen.put(alias, circuit, instead_of=seen)
    return {alias: _seen.of(alias) for alias in names}


def claim_probe(alias: str) -> int | None:
    """Take the right to try a backend whose circuit is open.

    :return: the number of the probe. 0: every message may try it. ``None``: it is too early, or
        another message tries it.
    """
    changed = _change(alias, lambda circuit, now: circuit.probed(now))
    if changed is None:
        return 0
    before, after = changed
    if after.is_closed:
        return 0
    return None if after is before else after.probe


def note_failure(alias: str, policy: Policy, *, probe: int = 0) -> None:
    """Count a send that failed.

    :param probe: the number from :func:`claim_probe`.
    """
    changed = _change(alias, lambda circuit, now: circuit.failed(now, policy, probe))
    if changed is None or changed[0] is changed[1]:
        return
    before, after = changed
    until = datetime.fromtimestamp(after.until, UTC)
    shown = until.replace(microsecond=0)
    if not before.is_closed:
        extra = log_fields("circuit", backend=alias, outcome="open")
        logger.info("Backend %r still fails: passed over until %s.", alias, shown, extra=extra)
    elif not after.is_closed:
        logger.error(
            "Backend %r failed %d times in a row: passed over until %s.",
            *(alias, after.failures, shown),
            extra=log_fields("circuit", backend=alias, outcome="open"),
        )
        circuit_opened.send_robust(Limit, alias=alias, until=until)


def note_success(alias: str) -> None:
    """Forget the failures of a backend. Write nothing if there were none."""
    if _seen.of(alias) != CLOSED:
        close(alias)


def close(alias: str) -> bool:
    """Use a backend again. Return whether there was anything to forget."""
    changed = _change(alias, lambda circuit, _now: circuit if circuit == CLOSED else CLOSED)
    if changed is None or changed[0] == CLOSED:
        return False
    if not changed[0].is_closed:
        extra = log_fields("circuit", backend=alias, outcome="closed")
        logger.info("Backend %r is used again.", alias, extra=extra)
        circuit_closed.send_robust(Limit, alias=alias)
    return True


def forget_seen() -> None:
    """Read all circuits anew, for tests."""
    _seen.forget()


def _change(
    alias: str, step: Callable[[Circuit, float], Circuit]
) -> tuple[Circuit, Circuit] | None:
    """Replace a circuit by ``step`` of it. Return the circuit before and after, or ``None`` if
    the database is lost. A circuit that does not change is not written."""
    before = after = CLOSED

    def change(row: LimitRow) -> Write | None:
        nonlocal before, after
        before = Circuit.from_json(row.state)
        # Not row.now: that stands still after the clock has stepped back.
        after = step(before, timezone.now().timestamp())
        return None if after is before else row.replacement(after.to_json())

    def act() -> bool:
        change_limit(LimitKey(CIRCUIT, alias), change)
        return True

    if not _or_none(act):
        return None
    _seen.put(alias, after)
    return before, after


def _read(aliases: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    rows = Limit.objects.using(database_alias())
    rows = rows.filter(kind=CIRCUIT, subject__in=aliases)
    return dict(rows.values_list("subject", "state"))


def _or_none(act: Callable[[], T]) -> T | None:
    """Ask the database. Return ``None`` if it is lost: that must not stop a message."""
    try:
        try:
            result = act()
        except Error:
            # A database may close the connection while it is idle during a gateway's answer.
            connections[database_alias()].close_if_unusable_or_obsolete()
            result = act()
    except (Error, Contention, InsideTransaction) as error:
        if not _seen.is_lost:
            name = type(error.__cause__ or error).__name__
            extra = log_fields("database_outage", error_code=name)
            logger.error("Circuits count as they were last seen: %s.", name, extra=extra)
        _seen.is_lost = True
        return None
    _seen.is_lost = False
    return result
