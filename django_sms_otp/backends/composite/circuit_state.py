"""What is known of a backend that fails: whether it is passed over, and for how long. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any, Self

__all__ = ["CLOSED", "PROBE_LEASE", "Circuit", "Policy"]

PROBE_LEASE = timedelta(seconds=60)
"""No other probe starts for so long: servers end a request that takes longer."""


@dataclass(frozen=True, slots=True)
class Policy:
    """
    :param failures: in a row that open a circuit.
    :param open_for: how long it is open the first time; twice as long after each probe that
        failed, up to ``open_for_at_most``.
    """

    failures: int = 5
    open_for: timedelta = timedelta(seconds=30)
    open_for_at_most: timedelta = timedelta(minutes=5)

    def wait(self, openings: int) -> float:
        """Return the seconds that a circuit is open, at the last of so many times in a row."""
        doubled = self.open_for * (1 << min(openings - 1, 20))
        return min(doubled, self.open_for_at_most).total_seconds()


@dataclass(frozen=True, slots=True)
class Circuit:
    """What a row remembers. Times are seconds since the epoch.

    :param failures: in a row.
    :param openings: how often in a row it was opened.
    :param until: when a probe may try the backend; 0: the circuit is closed.
    :param wait: the seconds that were to pass until then.
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
        """Whether the backend is to be passed over."""
        # More than was ever to be waited: the clock has stepped back. A probe does no harm.
        return 0 < self.until - now <= self.wait

    def is_due(self, now: float) -> bool:
        """Whether a probe may try the backend."""
        return not (self.is_closed or self.is_open(now))

    def failed(self, now: float, policy: Policy, probe: int) -> Self:
        """Count a failure, of the probe under way or of another message."""
        if self.is_closed and self.failures + 1 < policy.failures:
            return replace(self, failures=self.failures + 1)
        if self.is_closed or (probe and probe == self.probe):
            return self._opened(now, policy)
        # Messages that were under way when the circuit opened tell nothing new.
        return self

    def probed(self, now: float) -> Self:
        """Let one message try the backend, where it is time."""
        if not self.is_due(now):
            return self
        lease = PROBE_LEASE.total_seconds()
        probe = secrets.randbits(31) + 1
        return replace(self, until=now + lease, wait=lease, probe=probe)

    def _opened(self, now: float, policy: Policy) -> Self:
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
