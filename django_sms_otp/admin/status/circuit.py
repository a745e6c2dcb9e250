"""The status of a backend's circuit."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...backends.composite.circuit_state import Circuit
from ...models import Limit
from .base import Badge, Fact, LimitStatus

__all__ = ["CircuitStatus"]


class CircuitStatus(LimitStatus):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.circuit = Circuit.from_json(row.state)

    @property
    def badge(self) -> Badge | None:
        return None if self.circuit.is_closed else Badge.OPEN

    def summary(self) -> Iterator[str]:
        yield self._failures()
        if not self.circuit.is_closed:
            yield self._next_try()

    def facts(self) -> Iterator[Fact]:
        yield _("Failures in a row"), self._failures()
        if not self.circuit.is_closed:
            yield _("Next message by this backend"), self._next_try()

    def _failures(self) -> str:
        count = self.circuit.failures
        text = ngettext("%(count)d failure in a row", "%(count)d failures in a row", count)
        return text % {"count": count} if count else _("works")

    def _next_try(self) -> str:
        if self.circuit.probe:
            return _("being tried by a message")
        now = timezone.now().timestamp()
        if self.circuit.is_due(now):
            return _("tried by the next message")
        # Seconds, because the wait is half a minute in most cases.
        return _("skipped for %(seconds)d s") % {"seconds": ceil(self.circuit.until - now)}
