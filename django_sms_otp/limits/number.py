"""The state of a number's row, and the decisions that follow from it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .failures import (
    ASKERS_LEAVE,
    KNOWN,
    MOST_KEPT,
    STRANGERS,
    STRANGERS_LEAVE,
    Claimant,
    FailureBudget,
    Guesses,
    Lock,
    id_group,
)
from .rates import Rate, free_at

__all__ = ["SEND_MEMORY", "NumberState", "Send"]

SEND_MEMORY = timedelta(days=1)
"""How long a send counts for the cooldown. A purge keeps a limits row at least this long."""

MOST_KNOWN_CALLERS = 8
"""A row keeps the tags of the newest addresses and devices that redeemed a code."""

MOST_NOTICES = 10
"""Notices that a number gets in a day. A person changes their numbers once in a while."""

MOST_UNREDEEMED = 5
"""Messages in a row that a number may leave unredeemed before it is trusted no more."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the number, and who asked for it.

    :param at: in seconds since the epoch.
    :param code: the short id of the code in it.
    :param network: the tag of the caller's network; empty if it is unknown.
    :param device: the tag of the caller's device; empty if it is unknown.
    """

    at: float
    code: str = ""
    network: str = ""
    device: str = ""

    def to_json(self) -> list[Any]:
        # Not astuple(), which copies each value and calls fifty functions for that.
        return [self.at, self.code, self.network, self.device]

    @property
    def asker(self) -> str:
        """The tag that names the caller; empty if nothing is known of them."""
        return self.device or self.network


@dataclass(frozen=True, slots=True)
class NumberState:
    """The state of a number's row.

    :param sends: the messages, oldest first. A success gives no quota back.
    :param succeeded_at: time of the last success. The cooldown counts the messages since then.
    :param unredeemed: messages since the last success, however old they are.
    :param guesses: the wrong guesses, by the group of callers that made them.
    :param known: tags of the callers that redeemed a code of this number before.
    :param notices: the times of the notices of a day, which are no codes.
    """

    sends: tuple[Send, ...] = ()
    succeeded_at: float = 0
    unredeemed: int = 0
    guesses: Guesses = Guesses()
    known: tuple[str, ...] = ()
    notices: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberState:
        return cls(
            sends=tuple(Send(*send) for send in data.get("sends", ())),
            succeeded_at=data.get("succeeded_at", 0),
            unredeemed=data.get("unredeemed", 0),
            guesses=Guesses.from_json(data.get("guesses", {})),
            known=tuple(data.get("known", ())),
            notices=tuple(data.get("notices", ())),
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "sends": [send.to_json() for send in self.sends],
            "succeeded_at": self.succeeded_at,
            "unredeemed": self.unredeemed,
            "guesses": self.guesses.to_json(),
            "known": list(self.known),
            "notices": list(self.notices),
        }
        return {name: value for name, value in data.items() if value}

    @property
    def has_failures(self) -> bool:
        """Whether there are failures. A purge must keep the row then."""
        return bool(self.guesses.consecutive)

    @property
    def gets_redeemed(self) -> bool:
        """Whether few enough messages of the number were left unredeemed in a row.

        A fraudster redeems one code, and would then be trusted for ever.
        """
        return self.unredeemed < MOST_UNREDEEMED

    def next_send_at(self, cooldown: Sequence[timedelta]) -> datetime | None:
        """Return the end of the cooldown, or ``None`` if there is none.

        :param cooldown: the wait after the first message, after the second, and so on. The
            last one repeats.
        """
        since = max(self.succeeded_at, self._last_send() - SEND_MEMORY.total_seconds())
        streak = [send.at for send in self.sends if send.at > since]
        if not streak or not cooldown:
            return None
        wait = cooldown[min(len(streak), len(cooldown)) - 1]
        return datetime.fromtimestamp(streak[-1], UTC) + wait

    def has_sent_since(self, moment: datetime) -> bool:
        """Return whether a message was sent later than ``moment``."""
        return self._last_send() > moment.timestamp()

    def quota_free_at(
        self, rates: Iterable[Rate], now: datetime, *, tag: str | None = None
    ) -> datetime | None:
        """Return when the rates allow the next message, or ``None`` if they allow it now.

        :param tag: count only the messages that this network asked for.
        """
        entries = [(each.at, 1) for each in self.sends if tag is None or each.network == tag]
        waits = [free_at(entries, rate, now.timestamp()) for rate in rates]
        latest = max((wait for wait in waits if wait is not None), default=None)
        return None if latest is None else datetime.fromtimestamp(latest, UTC)

    def with_send(self, send: Send, *, memory: timedelta) -> NumberState:
        """Count a message, and forget messages that no cooldown or quota counts any more.

        :param memory: at least the lifetime of a code, so that its askers are remembered.
        """
        since = send.at - memory.total_seconds()
        recent = [each for each in self.sends if each.at > since]
        sends = (*recent, send)[-MOST_KEPT:]
        return replace(self, sends=sends, unredeemed=self.unredeemed + 1)

    def without_send(self, sent_at: datetime) -> NumberState:
        """Give back the cooldown and quota of a message that was not sent."""
        others = tuple(each for each in self.sends if each.at != sent_at.timestamp())
        refunded = len(self.sends) - len(others)
        return replace(self, sends=others, unredeemed=max(self.unredeemed - refunded, 0))

    def without_sends(self) -> NumberState:
        """Give back the cooldown and the quotas of all messages. Keep who asked for them."""
        return replace(self, sends=tuple(replace(send, at=0) for send in self.sends))

    def may_be_told(self, now: datetime) -> bool:
        """Return whether one more notice may go to the number."""
        return len(self._notices_of_a_day(now)) < MOST_NOTICES

    def with_notice(self, now: datetime) -> NumberState:
        """Count a notice, and forget those of the day before."""
        return replace(self, notices=(*self._notices_of_a_day(now), now.timestamp()))

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
        group = (_asker(sends, tags) if code else "") or "".join(tags[-1:])
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

    def unlocked(self) -> NumberState:
        return replace(self, guesses=self.guesses.cleared())

    def _notices_of_a_day(self, now: datetime) -> tuple[float, ...]:
        since = (now - SEND_MEMORY).timestamp()
        return tuple(at for at in self.notices if at > since)

    def _last_send(self) -> float:
        return self.sends[-1].at if self.sends else 0


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
