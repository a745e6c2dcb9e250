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
from ...limits.refusals import Refusals
from ...limits.staff_rules import BLOCKED
from ...models import Limit
from ..formatting import format_time
from ..words import meaning_of
from .base import Badge, Fact, LimitStatus
from .messages import MessageStatus

__all__ = ["NumberStatus"]

NEVER = datetime.max.replace(tzinfo=UTC)


class NumberStatus(LimitStatus):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.state = NumberState.from_json(row.state)
        self.refusals = Refusals.from_json(row.refusals)
        self.messages = MessageStatus(self.state, self.refusals, self.settings, self.now)
        known = self.state.known[:1]
        self.lock_of_strangers = self.lock_of(self.state.claimant(()))
        self.lock_of_askers = self._longest_lock_of_askers()
        self.lock_of_known = self.lock_of(self.state.claimant(known)) if known else None

    @property
    def lock_of_anybody_else(self) -> Lock | None:
        """The lockout of callers that are no strangers. The person is among them."""
        return self.lock_of_askers or self.lock_of_known

    @property
    def badge(self) -> Badge | None:
        if self.state.has_rule(BLOCKED, self.now):
            return Badge.BLOCKED
        if (self.lock_of_strangers or self.lock_of_anybody_else) and self.is_enforced(
            "failures"
        ):
            return Badge.DISABLED if self._is_disabled() else Badge.LOCKED
        return self.messages.badge

    def summary(self) -> Iterator[str]:
        yield f"phone: {self._messages()}"
        if entries := self.messages.busiest_network():
            yield f"phone_ip: {self.usage('phone_ip', entries)}"
        yield from self.messages.last_refusal()
        count = self.state.guesses.consecutive
        if count:
            text = ngettext("%(count)d failed attempt", "%(count)d failed attempts", count)
            yield text % {"count": count}
        if self.badge == Badge.LOCKED and (lock := self.lock_of_anybody_else):
            yield self._describe(lock)
        elif self.badge == Badge.LOCKED:
            strangers = self.state.guesses.of(STRANGERS).consecutive
            text = self._failures(strangers, self.lock_of_strangers)
            yield f"{_('Failed attempts of strangers, in a row')}: {text}"

    def facts(self) -> Iterator[Fact]:
        yield _("Messages (phone)"), self._messages()
        if entries := self.messages.busiest_network():
            usage = self.usage("phone_ip", entries)
            yield _("Messages from the busiest IP address (phone_ip)"), usage
        yield _("Next message"), self._next_message()
        if refusal := self.messages.last_refusal_in_words():
            yield _("Last refused"), refusal
        yield from self._wrong_guesses()
        yield _("Known networks and devices"), str(len(self.state.known))
        if self.state.succeeded_at:
            yield _("Last redeemed"), format_time(self.state.succeeded_at)

    def _wrong_guesses(self) -> Iterator[Fact]:
        guesses = self.state.guesses
        if not guesses.consecutive:
            yield _("Wrong codes in a row"), "0"
            return
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

    def _messages(self) -> str:
        return self.usage("phone", [(send.at, 1) for send in self.state.sends])

    def _next_message(self) -> str:
        if self.state.has_rule(BLOCKED, self.now):
            return meaning_of(BLOCKED)
        if self._is_disabled() and self.is_enforced("failures"):
            return _("to known callers only")
        free_at = self.messages.free_at()
        text = format_time(free_at) if free_at else _("at any time")
        network = self.messages.network_free_at
        if network is None or (free_at and network <= free_at):
            return text
        return _("%(time)s; for the busiest IP address %(later)s") % {
            "time": text,
            "later": format_time(network),
        }

    def lock_of(self, claimant: Claimant) -> Lock | None:
        if self.settings.mode("failures") == "off":
            return None
        return self.state.lock(failure_budget(), self.now, claimant)

    def _longest_lock_of_askers(self) -> Lock | None:
        groups = {*self.state.guesses.groups} - {STRANGERS, KNOWN}
        askers = [replace(self.state.asker(()), group=group) for group in ("", *groups)]
        locks = [lock for lock in map(self.lock_of, askers) if lock]
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
