"""Asks the groups of controls in order, and decides whether the message goes out.

A control that exempts verified numbers (prefix, budget, breaker) must not become an oracle: its
refusal would tell that the number has no account. So the message is withheld, and the caller
gets the same answer as for a message that was sent. A site that answers 404 to unknown numbers
hides nothing, and refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..conf import get_settings
from ..conf.choices import NUMBERS_OWN
from ..db import NumberRow, Write
from ..limits.keys import LimitKey
from ..limits.messages import SEND_MEMORY
from ..limits.refusals import Refusal, Refusals
from ..limits.shared import UNLIMITED
from ..limits.staff_rules import BLOCKED
from ..results import RequestRefused
from .base import Controls, Subject, Tally, Violation
from .breakers import Trip
from .callers import Caller
from .external import ChallengeControl, LookupControl
from .fraud import FraudControls
from .hooks import SendAttempt
from .number import NumberControls
from .shared_quotas import RowQuotas, StoreQuotas

__all__ = ["Admitted", "Decision", "Note", "Policy", "Refused"]

GROUPS: Sequence[type[Controls]] = (
    NumberControls,
    RowQuotas,
    StoreQuotas,
    FraudControls,
    ChallengeControl,
    LookupControl,
)
"""The groups, in the order in which they are asked. A failed challenge costs no look-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A refused request that the number's row is to tell of.

    :param sent_at: when the newest message was counted.
    :param refusals: what the row is to hold, if it still has the ``version`` that was read.
    """

    refusal: Refusal
    sent_at: float
    refusals: Refusals
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The message is refused, and nothing is counted against any limit.

    :param control: the control that refused the message.
    :param note: what to write into the number's row; ``None`` if there is no news.
    :param recorded: controls that would have refused, but only record.
    :param trips: breakers to trip.
    """

    answer: RequestRefused
    control: str
    note: Note | None = None
    recorded: Sequence[str] = ()
    trips: Sequence[Trip] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The caller is told that a message was sent, even if the message is withheld.

    :param withheld_by: the control that withheld the message; empty if it goes out.
    :param exempt: the number passes the fraud controls, because it opens an account and its
        messages get redeemed.
    """

    withheld_by: str
    exempt: bool
    recorded: Sequence[str]
    trips: Sequence[Trip]


Decision = Admitted | Refused


class Policy:
    """The controls over one message. :class:`Controls` describes the steps.

    :param lifetime: the lifetime of the code.
    :param asks_challenge: whether the caller has to pass ``CHALLENGE``. Staff do not.
    """

    def __init__(
        self,
        attempt: SendAttempt,
        caller: Caller,
        lifetime: timedelta,
        *,
        asks_challenge: bool = True,
    ) -> None:
        settings = get_settings()
        self._subject = Subject(
            attempt=attempt, caller=caller, lifetime=lifetime, settings=settings
        )
        self._groups = [
            group(self._subject)
            for group in GROUPS
            if group.are_on(settings) and (asks_challenge or group is not ChallengeControl)
        ]
        self._keys = {key for group in self._groups for key in group.row_keys()}

    @property
    def row_keys(self) -> list[LimitKey]:
        """The keys of all shared rows that the controls read."""
        watched = {key for group in self._groups for key in group.watched_keys()}
        return sorted(self._keys | watched)

    def check(self, row: NumberRow) -> Decision:
        """Judge the message. Nothing is counted in the database yet."""
        recorded: list[str] = []
        withheld_by = ""
        for group in self._groups:
            for violation in group.check(row):
                if self._subject.settings.mode(violation.control) == "record":
                    recorded.append(violation.control)
                elif violation.is_soft:
                    withheld_by = withheld_by or violation.control
                else:
                    # The groups behind this one are not asked: a refused caller must learn
                    # nothing from the site's hooks, and must not cost the site a look-up.
                    self.roll_back()
                    return Refused(
                        answer=_answer(violation, row),
                        control=violation.control,
                        note=_note(violation, row),
                        recorded=recorded,
                        trips=self._trips(row),
                    )
        return Admitted(
            withheld_by=withheld_by,
            exempt=self._subject.is_exempt(row),
            recorded=recorded,
            trips=self._trips(row),
        )

    def commit(self, row: NumberRow, decision: Admitted) -> list[Write]:
        """Return the writes that count an admitted message, in the order of their locks."""
        tally = Tally({key: row.shared[key].counters for key in sorted(self._keys)})
        for group in self._groups:
            group.commit(row, tally, withheld=bool(decision.withheld_by))
        return [
            row.shared[key].counted(
                counters, tally.rooms.get(key, UNLIMITED), as_whole=key in tally.replaced
            )
            for key, counters in tally.counters.items()
        ]

    def roll_back(self) -> None:
        """Give back the uses that were reserved outside the database."""
        for group in self._groups:
            group.roll_back()

    def _trips(self, row: NumberRow) -> Sequence[Trip]:
        return [trip for group in self._groups for trip in group.trips(row)]


def _answer(violation: Violation, row: NumberRow) -> RequestRefused:
    wait = row.wait_until(violation.free_at) if violation.free_at else None
    return RequestRefused(reason=violation.reason, retry_after=wait)


def _note(violation: Violation, row: NumberRow) -> Note | None:
    """Return the notes that tell staff of refusals, with this one; ``None`` if it is no news.

    A limit that many numbers share leaves none with a number that was sent nothing for a day.
    Otherwise anybody whose address has used up its limit could measure which numbers have a
    row, and so which ones belong to customers.
    """
    is_own = violation.control in {*NUMBERS_OWN, "cooldown", BLOCKED}
    is_recent = row.state.has_sent_since(row.now - SEND_MEMORY)
    if row.row.stored is None or not (is_own or is_recent):
        return None
    # The answer to who asks for a blocked number makes up a wait. Staff are told none.
    free_at = None if violation.control == BLOCKED else violation.free_at
    refusal = Refusal(
        control=violation.control,
        at=int(row.now.timestamp()),
        until=int(free_at.timestamp()) if free_at else None,
    )
    stored, sent_at = row.row.stored, row.state.last_sent_at
    refusals = Refusals.from_json(stored.refusals).with_one(refusal, sent_at=sent_at)
    if refusals is None:
        return None
    return Note(refusal=refusal, sent_at=sent_at, refusals=refusals, version=stored.version)
