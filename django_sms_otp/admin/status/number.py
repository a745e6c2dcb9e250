"""The status of a phone number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...controls import failure_budget
from ...limits.failures import KNOWN, STRANGERS, Claimant, Lock
from ...limits.number import NumberState
from ...limits.rates import Entry
from ...models import Limit
from ..formatting import format_time
from .base import Badge, Fact, LimitStatus

__all__ = ["NumberStatus"]

NEVER = datetime.max.replace(tzinfo=UTC)


class NumberStatus(LimitStatus):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.state = NumberState.from_json(row.state)
        known = self.state.known[:1]
        self.lock_of_strangers = self._lock(self.state.claimant(()))
        self.lock_of_askers = self._longest_lock_of_askers()
        self.lock_of_known = self._lock(self.state.claimant(known)) if known else None

    @property
    def badge(self) -> Badge | None:
        locks = (self.lock_of_strangers, self.lock_of_askers, self.lock_of_known)
        if any(locks) and self.is_enforced("failures"):
            return Badge.DISABLED if self._is_disabled() else Badge.LOCKED
        return Badge.USED_UP if self.is_enforced("phone") and self._free_at() else None

    def summary(self) -> Iterator[str]:
        yield self._messages()
        count = self.state.guesses.consecutive
        if count:
            text = ngettext("%(count)d failed attempt", "%(count)d failed attempts", count)
            yield text % {"count": count}
        if self.badge == Badge.LOCKED:
            locks = (self.lock_of_strangers, self.lock_of_askers, self.lock_of_known)
            yield self._describe(next(filter(None, locks)))

    def facts(self) -> Iterator[Fact]:
        yield _("Messages"), self._messages()
        if usage := self._busiest_network():
            yield _("Messages for one network, at most"), usage
        yield _("Next message"), self._next_message()
        guesses = self.state.guesses
        strangers, known = guesses.of(STRANGERS).consecutive, guesses.of(KNOWN).consecutive
        yield (
            _("Failed attempts of strangers, in a row"),
            self._failures(strangers, self.lock_of_strangers),
        )
        yield (
            _("Failed attempts of those who asked for a code, in a row"),
            self._failures(guesses.consecutive - strangers - known, self.lock_of_askers),
        )
        yield (
            _("Failed attempts of known callers, in a row"),
            self._failures(known, self.lock_of_known),
        )
        yield _("Known networks and devices"), str(len(self.state.known))
        if self.state.succeeded_at:
            yield _("Last redeemed"), format_time(self.state.succeeded_at)

    def _messages(self) -> str:
        return self.usage("phone", [(send.at, 1) for send in self.state.sends])

    def _busiest_network(self) -> str:
        sends: dict[str, list[Entry]] = {}
        for send in self.state.sends:
            # An empty tag stands for an unknown address.
            if send.network:
                sends.setdefault(send.network, []).append((send.at, 1))
        if not sends or not self.settings.rates("phone_ip"):
            return ""
        return self.usage("phone_ip", max(sends.values(), key=len))

    def _next_message(self) -> str:
        waits = [self.state.next_send_at(self.settings.COOLDOWN), self._free_at()]
        if self._is_disabled() and self.is_enforced("failures"):
            return _("to known callers only")
        free_at = max((wait for wait in waits if wait and wait > self.now), default=None)
        return format_time(free_at) if free_at else _("at any time")

    def _free_at(self) -> datetime | None:
        return self.state.quota_free_at(self.settings.rates("phone"), self.now)

    def _lock(self, claimant: Claimant) -> Lock | None:
        if self.settings.mode("failures") == "off":
            return None
        return self.state.lock(failure_budget(), self.now, claimant)

    def _longest_lock_of_askers(self) -> Lock | None:
        groups = {*self.state.guesses.groups} - {STRANGERS, KNOWN}
        askers = [replace(self.state.asker(()), group=group) for group in ("", *groups)]
        locks = [lock for lock in map(self._lock, askers) if lock]
        return max(locks, key=lambda lock: lock.until or NEVER, default=None)

    def _is_disabled(self) -> bool:
        """Whether only callers that the number knows may go on, if anybody."""
        return self.lock_of_askers is not None and self.lock_of_askers.until is None

    def _failures(self, count: int, lock: Lock | None) -> str:
        texts = [str(count), self._describe(lock)] if lock else [str(count)]
        if lock and not self.is_enforced("failures"):
            texts.append(_("only recorded"))
        return ", ".join(texts)

    def _describe(self, lock: Lock) -> str:
        if lock.until is not None:
            return _("locked until %(time)s") % {"time": format_time(lock.until)}
        if self._is_disabled():
            return _("disabled until the number is verified anew or the lockout is lifted")
        return _("locked out until somebody who asked for a code logs in")
