"""The state of a number's row, and the decisions that follow from it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .failures import (
    ASKERS_LEAVE,
    KNOWN,
    STRANGERS,
    STRANGERS_LEAVE,
    Claimant,
    FailureBudget,
    Guesses,
    Lock,
    id_group,
)
from .journal import Journal
from .messages import Messages, Send
from .staff_rules import StaffRule

__all__ = ["NumberState"]

MOST_KNOWN_CALLERS = 8
"""A row keeps the tags of the newest addresses and devices that redeemed a code."""


@dataclass(frozen=True, slots=True)
class NumberState(Messages):
    """The state of a number's row.

    :param guesses: the wrong guesses, by the group of callers that made them.
    :param known: tags of the callers that redeemed a code of this number before.
    :param rule: what staff have decided about the number.
    :param journal: what happened lately.
    """

    guesses: Guesses = Guesses()
    known: tuple[str, ...] = ()
    rule: StaffRule | None = None
    journal: Journal = Journal()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberState:
        return cls(
            sends=tuple(Send(*send) for send in data.get("sends", ())),
            succeeded_at=data.get("succeeded_at", 0),
            unredeemed=data.get("unredeemed", 0),
            guesses=Guesses.from_json(data.get("guesses", {})),
            known=tuple(data.get("known", ())),
            notices=tuple(data.get("notices", ())),
            rule=StaffRule.from_json(data.get("rule")),
            journal=Journal(tuple(data.get("journal", ()))),
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "sends": [send.to_json() for send in self.sends],
            "succeeded_at": self.succeeded_at,
            "unredeemed": self.unredeemed,
            "guesses": self.guesses.to_json(),
            "known": list(self.known),
            "notices": list(self.notices),
            "rule": self.rule.to_json() if self.rule else None,
            "journal": list(self.journal.lines),
        }
        return {name: value for name, value in data.items() if value}

    @property
    def has_failures(self) -> bool:
        return bool(self.guesses.consecutive)

    def must_stay(self, now: datetime) -> bool:
        """Return whether a purge must keep the row, however old it is."""
        return self.has_failures or (self.rule is not None and self.rule.holds(now))

    def is_shut(self, budget: FailureBudget) -> bool:
        """Return whether strangers at least are locked out until the next login."""
        return self.guesses.consecutive >= self.claimant(()).most(budget)

    def has_rule(self, kind: str, now: datetime) -> bool:
        """Return whether staff have blocked or allowed the number."""
        return self.rule is not None and self.rule.kind == kind and self.rule.holds(now)

    def knows(self, tags: Sequence[str]) -> bool:
        """Return whether a caller with one of these tags redeemed a code before."""
        return any(tag in self.known for tag in tags)

    def claimant(
        self, tags: Sequence[str], code: str = "", *, brings_id: bool = False
    ) -> Claimant:
        """Return whose guess it is.

        :param tags: the tags of the caller's network and device.
        :param code: the short id of the code; empty if there is no live one.
        :param brings_id: whether the caller named the ``request_id`` of this code.
        """
        sends = [send for send in self.sends if send.code == code]
        asker = _asker(sends, tags) if code else ""
        is_known = self.knows(tags)
        # The id that one caller alone has got is their secret. It also tells them apart from
        # the neighbours who share their address. A second asker gets the same id.
        is_secret = len({send.asker for send in sends}) <= 1
        if brings_id and (is_secret or not (asker or is_known)):
            group = id_group(code)
        else:
            group = asker or (KNOWN if is_known else STRANGERS)
        return Claimant(
            group=group,
            leaves=_leaves(group, is_known=is_known),
            shares_with=id_group(code) if group == asker and is_secret else "",
        )

    def asker(self, tags: Sequence[str], code: str = "") -> Claimant:
        """Return whose guesses a caller makes after asking for a message.

        The name of the group is empty if nothing is known of the caller.

        :param code: the short id of the code that is to be sent; empty for a new one.
        """
        sends = [send for send in self.sends if send.code == code]
        group = (_asker(sends, tags) if code else "") or (tags[-1] if tags else "")
        leaves = 0 if self.knows(tags) else ASKERS_LEAVE
        return Claimant(group=group, leaves=leaves, shares_with=id_group(code))

    def askers(self, code: str) -> list[Claimant]:
        """Return the callers that asked for the messages of a code.

        :param code: the short id of the code.
        """
        groups = {send.asker or STRANGERS for send in self.sends if send.code == code}
        shares_with = id_group(code) if len(groups) <= 1 else ""
        return [
            Claimant(group=group, leaves=ASKERS_LEAVE, shares_with=shares_with)
            for group in sorted(groups)
        ]

    def lock(
        self, budget: FailureBudget, now: datetime, claimant: Claimant, *, binds: bool = False
    ) -> Lock | None:
        """Return the lockout of a caller, or ``None`` if their guess is evaluated.

        :param binds: whether the code binds the number anew. That is the way back for a
            disabled number. Nothing bounds the sum of these guesses, so all groups wait for
            each other.
        """
        until = self.guesses.of(claimant.group).free_at(budget, now.timestamp())
        if self.guesses.consecutive >= claimant.most(budget):
            if not binds:
                return Lock(until=None)
            until = self.guesses.as_one_group().free_at(budget, now.timestamp())
        return None if until is None else Lock(until=datetime.fromtimestamp(until, UTC))

    def after_success(self, now: datetime, tags: Sequence[str]) -> NumberState:
        """Clear the failures, start the cooldown anew, and remember the caller.

        :param tags: the tags of the caller's network and device.
        """
        others = [tag for tag in self.known if tag not in tags]
        return replace(
            self.unlocked(),
            succeeded_at=now.timestamp(),
            unredeemed=0,
            known=(*others, *tags)[-MOST_KNOWN_CALLERS:],
        )

    def forgotten(self, now: datetime, memory: timedelta) -> NumberState:
        """Forget what no limit counts: who used the number, and what happened to it.

        Wrong guesses stay: otherwise who has a number erased could guess anew at once.

        :param memory: how long the limits count a message.
        """
        since = (now - memory).timestamp()
        sends = tuple(replace(send, code="") for send in self.sends if send.at > since)
        return NumberState(
            sends=sends,
            succeeded_at=self.succeeded_at if sends else 0,
            unredeemed=self.unredeemed if sends else 0,
            guesses=replace(self.guesses, codes={}) if self.has_failures else Guesses(),
            notices=self._notices_of_a_day(now),
            rule=self.rule if self.rule and self.rule.holds(now) else None,
        )

    def unlocked(self) -> NumberState:
        return replace(self, guesses=self.guesses.cleared())


def _asker(sends: Sequence[Send], tags: Sequence[str]) -> str:
    """Return the tag of the asker whom a caller is, or an empty text."""
    for tag in reversed(tags):  # The device is last: fewer people share it.
        for send in sends:
            if tag in {send.network, send.device}:
                return send.asker
    return ""


def _leaves(group: str, *, is_known: bool) -> int:
    if is_known:
        return 0
    return STRANGERS_LEAVE if group == STRANGERS else ASKERS_LEAVE
