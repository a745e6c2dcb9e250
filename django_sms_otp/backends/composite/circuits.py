"""A circuit breaker for each backend, in the database, where all processes see it.

A circuit is closed until a number of sends in a row have failed. Then it opens: the backend is
passed over for a while. After that one message tries the backend, the probe. If it is sent, the
circuit closes; if not, the circuit stays open for twice as long. If the process of a probe
dies, the next one starts after
:data:`~django_sms_otp.backends.composite.circuit_state.PROBE_LEASE`.

Circuits save time, and nothing depends on them: without the database each one counts as closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import Error, connections
from django.utils import timezone

from ...db import LimitRow, Write, change_limit, database_alias, error_name
from ...exceptions import Contention, InsideTransaction
from ...limits.keys import CIRCUIT, LimitKey
from ...logs import log_fields
from ...models import Limit
from ...signals import circuit_closed, circuit_opened
from .circuit_state import CLOSED, Circuit, CircuitPolicy

__all__ = ["claim_probe", "close", "note_failure", "read_circuits"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


def read_circuits(aliases: Collection[str]) -> dict[str, Circuit]:
    """Return the circuits of backends, read by one statement."""
    rows = Limit.objects.using(database_alias()).filter(kind=CIRCUIT, subject__in=aliases)
    states = _unless_lost(lambda: dict(rows.values_list("subject", "state")), dict[str, Any]())
    return {alias: Circuit.from_json(states.get(alias, {})) for alias in aliases}


def claim_probe(alias: str) -> int | None:
    """Take the right to try a backend whose circuit is open.

    :return: the number of the probe. 0: every message may try it. ``None``: it is too early, or
        another message tries it.
    """
    before, after = _change(alias, lambda circuit, now: circuit.probed(now))
    if after.is_closed:
        return 0
    return None if after == before else after.probe


def note_failure(alias: str, policy: CircuitPolicy, *, probe: int = 0) -> None:
    """Count a send that failed.

    :param probe: the number from :func:`claim_probe`.
    """
    before, after = _change(alias, lambda circuit, now: circuit.failed(now, policy, probe))
    if before == after or after.is_closed:
        return
    until = datetime.fromtimestamp(after.until, UTC)
    shown = until.replace(microsecond=0)
    extra = log_fields("circuit", backend=alias, outcome="open")
    if not before.is_closed:
        logger.info("Backend %r still fails: passed over until %s.", alias, shown, extra=extra)
    else:
        message = "Backend %r failed %d times in a row: passed over until %s."
        logger.error(message, alias, after.failures, shown, extra=extra)
        circuit_opened.send_robust(Limit, alias=alias, until=until)


def close(alias: str) -> bool:
    """Use a backend again. Return whether there was anything to forget."""
    before, _ = _change(alias, lambda _circuit, _now: CLOSED)
    if not before.is_closed:
        extra = log_fields("circuit", backend=alias, outcome="closed")
        logger.info("Backend %r is used again.", alias, extra=extra)
        circuit_closed.send_robust(Limit, alias=alias)
    return before != CLOSED


def _change(alias: str, step: Callable[[Circuit, float], Circuit]) -> tuple[Circuit, Circuit]:
    """Replace a circuit by ``step`` of it, and return both. A circuit that does not change is
    not written."""
    before = after = CLOSED

    def change(row: LimitRow) -> Write | None:
        nonlocal before, after
        before = Circuit.from_json(row.state)
        # Not row.now: that stands still after the clock has stepped back.
        after = step(before, timezone.now().timestamp())
        return None if after == before else row.replacement(after.to_json())

    def act() -> tuple[Circuit, Circuit]:
        change_limit(LimitKey(CIRCUIT, alias), change)
        return before, after

    return _unless_lost(act, (CLOSED, CLOSED))


def _unless_lost(act: Callable[[], T], default: T) -> T:
    """Ask the database. If it is lost, return ``default``: that must not stop a message."""
    try:
        try:
            return act()
        except Error:
            # A database may close the connection while it is idle during a gateway's answer.
            connections[database_alias()].close_if_unusable_or_obsolete()
            return act()
    except (Error, Contention, InsideTransaction) as error:
        name = error_name(error)
        extra = log_fields("database_outage", error_code=name)
        logger.error("Circuits cannot be read or changed: %s.", name, extra=extra)
        return default
