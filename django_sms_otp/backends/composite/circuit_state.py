"""The state of a circuit: whether a backend is passed over, and for how long. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

__all__ = ["CLOSED", "PROBE_LEASE", "Circuit", "CircuitPolicy"]

PROBE_LEASE = 60.0
"""Seconds in which no other probe starts: servers end a request that takes longer."""


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When a circuit opens, and for how long.

    :param failures: the number of failures in a row that opens it.
    :param open_for: seconds that it is open at first. They double with each probe that fails,
        up to ``open_for_at_most``.
    """

    failures: int = 5
    open_for: float = 30.0
    open_for_at_most: float = 300.0

    def wait(self, openings: int) -> float:
        """Return the seconds that a circuit is open after so many openings in a row."""
        return min(self.open_for * 2.0 ** min(openings - 1, 20), self.open_for_at_most)


@dataclass(frozen=True, slots=True)
class Circuit:
    """The content of a row. Times are seconds since the epoch.

    :param failures: the number of failures in a row.
    :param openings: the number of openings in a row.
    :param until: the time from which a probe may try the backend; 0: the circuit is closed.
    :param wait: the seconds between the opening and ``until``.
    :param probe: a random number that names the probe under way.
    """

    failures: int = 0
    openings: int = 0
    until: float = 0
    wait: float = 0
    probe: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{each.name: data[each.name] for each in fields(cls) if each.name in data})

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def is_closed(self) -> bool:
        return not self.until

    def is_open(self, now: float) -> bool:
        """Tell whether the backend is to be passed over."""
        # If more than the whole wait is left, the clock has stepped back. A probe does no harm.
        return 0 < self.until - now <= self.wait

    def is_due(self, now: float) -> bool:
        """Tell whether a probe may try the backend."""
        return not (self.is_closed or self.is_open(now))

    def failed(self, now: float, policy: CircuitPolicy, probe: int) -> Self:
        """Return the circuit after a failure, of the probe under way or of another message."""
        if self.is_closed and self.failures + 1 < policy.failures:
            return replace(self, failures=self.failures + 1)
        if self.is_closed or (probe and probe == self.probe):
            return self._opened(now, policy)
        # Messages that were under way when the circuit opened bring no news.
        return self

    def probed(self, now: float) -> Self:
        """Return the circuit with one message trying the backend, if it is time for that."""
        if not self.is_due(now):
            return self
        probe = secrets.randbits(31) + 1
        return replace(self, until=now + PROBE_LEASE, wait=PROBE_LEASE, probe=probe)

    def _opened(self, now: float, policy: CircuitPolicy) -> Self:
        wait = policy.wait(self.openings + 1)
        return replace(
            self,
            failures=self.failures + 1,
            openings=self.openings + 1,
            until=now + wait,
            wait=wait,
            probe=0,
        )


CLOSED = Circuit()
