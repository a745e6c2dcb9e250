"""Asks every control in order, and says whether the message goes out.

A control that exempts verified numbers (prefix, budget, breaker) must not become an oracle: its
refusal would tell who is a customer. So the caller gets the same answer as if the message had
been sent, and the message is withheld; except where the site answers 404 to unknown numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ..conf import get_settings
from ..db import NumberRow, Write
from ..limits.keys import LimitKey
from ..results import RequestRefused
from .base import Controls, Subject, Tally, Violation
from .breakers import Trip
from .callers import Caller
from .external import ChallengeControl, LookupControl
from .fraud import FraudControls
from .hooks import SendAttempt
from .number import NumberControls
from .shared_quotas import RowQuotas, StoreQuotas

__all__ = ["Admitted", "Decision", "Policy", "Refused"]

GROUPS: Sequence[type[Controls]] = (
    NumberControls,
    RowQuotas,
    StoreQuotas,
    FraudControls,
    LookupControl,
    ChallengeControl,
)
"""In the order in which they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing is written.

    :param control: refused the message.
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

    :param withheld_by: the control that withheld the message; empty if it goes out.
    :param exempt: the number passes the fraud controls, because it opens an account.
    """

    withheld_by: str
    exempt: bool
    recorded: Sequence[str]
    trips: Sequence[Trip]


Decision = Admitted | Refused


@dataclass(slots=True)
class _Findings:
    """What the groups asked so far have found."""

    withheld_by: str = ""
    recorded: list[str] = field(default_factory=list)


class Policy:
    """The controls over one message: see :class:`Controls` for their steps.

    :param lifetime: of the code.
    """

    def __init__(self, attempt: SendAttempt, caller: Caller, lifetime: timedelta) -> None:
        settings = get_settings()
        self._subject = Subject(
            attempt=attempt, caller=caller, lifetime=lifetime, settings=settings
        )
        self._groups = [group(self._subject) for group in GROUPS if group.are_on(settings)]
        self._keys = {key for group in self._groups for key in group.row_keys()}

    @property
    def row_keys(self) -> list[LimitKey]:
        """The keys of all shared rows that the controls look at."""
        watched = {key for group in self._groups for key in group.watched_keys()}
        return sorted(self._keys | watched)

    def check(self, row: NumberRow) -> Decision:
        """Judge the message by what was read. Nothing is counted in the database yet."""
        found = _Findings()
        for group in self._groups:
            refusal = self._first_refusal(group.check(row), found)
            if refusal is not None:
                # The groups behind this one are not asked: a refused caller learns nothing
                # from the site's hooks, and costs it nothing.
                self.roll_back()
                return Refused(
                    answer=_answer(refusal, row),
                    control=refusal.control,
                    recorded=found.recorded,
                    trips=self._trips(row),
                )
        return Admitted(
            withheld_by=found.withheld_by,
            exempt=self._subject.is_exempt,
            recorded=found.recorded,
            trips=self._trips(row),
        )

    def commit(self, row: NumberRow, decision: Admitted) -> list[Write]:
        """Return the writes that count an admitted message, in the order of their locks."""
        tally = Tally({key: row.shared[key].counters for key in sorted(self._keys)})
        for group in self._groups:
            group.commit(row, tally, withheld=bool(decision.withheld_by))
        return [
            row.shared[key].counted(counters, tally.room(key), as_whole=key in tally.replaced)
            for key, counters in tally.counters.items()
        ]

    def roll_back(self) -> None:
        """Give back what was counted outside the database: the message does not go out."""
        for group in self._groups:
            group.roll_back()

    def _first_refusal(
        self, violations: Sequence[Violation], found: _Findings
    ) -> Violation | None:
        for violation in violations:
            mode = self._subject.settings.mode(violation.control)
            if mode == "record":
                found.recorded.append(violation.control)
            elif mode == "enforce" and violation.is_soft:
                found.withheld_by = found.withheld_by or violation.control
            elif mode == "enforce":
                return violation
        return None

    def _trips(self, row: NumberRow) -> Sequence[Trip]:
        return [trip for group in self._groups for trip in group.trips(row)]


def _answer(violation: Violation, row: NumberRow) -> RequestRefused:
    wait = row.wait_until(violation.free_at) if violation.free_at else None
    return RequestRefused(reason=violation.reason, retry_after=wait)
