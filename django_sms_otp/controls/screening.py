"""Asks every control, in order.

A control that exempts verified numbers (prefix, budget, breaker) must not become an oracle: its
refusal would tell who is a customer. So it is answered as if the message had been sent, and the
message is withheld; but for sites that answer 404 to unknown numbers anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import cached_property

from ..conf import get_settings
from ..db.rounds import NumberRow
from ..limits.shared import SharedState
from ..models import REASON_LENGTH, VERIFIED, WITHHELD
from ..results import RequestRefused
from .base import Controls, Finding, Subject
from .breakers import Trip
from .callers import Caller
from .external import Hooks
from .fraud import FraudControls
from .hooks import SendAttempt
from .number import NumberControls
from .shared_quotas import SharedQuotas

__all__ = ["Admitted", "Decision", "Refused", "Screening"]

GROUPS: Sequence[type[Controls]] = (NumberControls, SharedQuotas, FraudControls, Hooks)
"""In the order in which they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing is written.

    :param control: what refused the message.
    :param recorded: controls that only record, and would have refused.
    :param trips: breakers to trip.
    """

    answer: RequestRefused
    control: str
    recorded: Sequence[str] = ()
    trips: Sequence[Trip] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The caller is told that a message was sent; so it was, unless it is withheld.

    :param reason: what the code's row remembers.
    :param shared: the new states of the shared rows.
    :param control: what withheld the message; empty where it goes out.
    """

    reason: str
    shared: Mapping[str, SharedState]
    control: str
    recorded: Sequence[str]
    trips: Sequence[Trip]

    @property
    def is_withheld(self) -> bool:
        return bool(self.control)


Decision = Admitted | Refused


class Screening:
    """The controls of one request.

    :param lifetime: of the code.
    """

    def __init__(self, attempt: SendAttempt, caller: Caller, lifetime: timedelta) -> None:
        settings = get_settings()
        subject = Subject(attempt=attempt, caller=caller, lifetime=lifetime, settings=settings)
        self._subject = subject
        self._groups = [group(subject) for group in GROUPS if group.are_on(settings)]

    @cached_property
    def row_keys(self) -> list[str]:
        """The shared rows to read and replace."""
        return sorted({key for group in self._groups for key in group.row_keys()})

    @cached_property
    def watched_keys(self) -> list[str]:
        """The shared rows to read only."""
        return sorted({key for group in self._groups for key in group.watched_keys()})

    def decide(self, row: NumberRow) -> Admitted | Refused:
        """Judge the message by what a round has read."""
        withheld_by = ""
        recorded: list[str] = []
        for finding in (each for group in self._groups for each in group.findings(row)):
            mode = self._subject.settings.mode(finding.control)
            if mode == "record":
                recorded.append(finding.control)
            elif mode == "enforce" and finding.is_soft:
                withheld_by = withheld_by or finding.control
            elif mode == "enforce":
                self.release()
                return Refused(
                    answer=_answer(finding, row),
                    control=finding.control,
                    recorded=recorded,
                    trips=self._trips(row),
                )
        return Admitted(
            control=withheld_by,
            recorded=recorded,
            reason=self._reason(withheld_by, recorded),
            shared=self._counted(row, withheld=bool(withheld_by)),
            trips=self._trips(row),
        )

    def release(self) -> None:
        """Give back what was counted outside of the rows: the message does not go out."""
        for group in self._groups:
            group.release()

    def _trips(self, row: NumberRow) -> Sequence[Trip]:
        return [trip for group in self._groups for trip in group.trips(row)]

    def _counted(self, row: NumberRow, *, withheld: bool) -> Mapping[str, SharedState]:
        # All of them, changed or not: the same statements for every number.
        states = {key: row.shared[key].state for key in self.row_keys}
        for group in self._groups:
            group.count(row, states, withheld=withheld)
        return states

    def _reason(self, withheld_by: str, recorded: Sequence[str]) -> str:
        if withheld_by:
            return f"{WITHHELD}{withheld_by}"
        reasons = [VERIFIED] if self._subject.verified else []
        if recorded:
            reasons.append(f"recorded:{','.join(recorded)}")
        return " ".join(reasons)[:REASON_LENGTH] or "allowed"


def _answer(finding: Finding, row: NumberRow) -> RequestRefused:
    wait = row.wait_until(finding.free_at) if finding.free_at else None
    return RequestRefused(reason=finding.reason, retry_after=wait)
