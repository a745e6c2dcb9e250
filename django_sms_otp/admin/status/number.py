"""The status of a phone number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...controls import failure_budget
from ...limits.number import Lock, NumberState
from ...limits.rates import Entry
from ...models import Limit
from ..formatting import format_time
from .base import Badge, Fact, LimitStatus

__all__ = ["NumberStatus"]


class NumberStatus(LimitStatus):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.state = NumberState.from_json(row.state)
        self.lock_of_strangers = self._lock(())
        self.lock_of_known = self._lock(self.state.known[:1]) if self.state.known else None

    @property
    def badge(self) -> Badge | None:
        locks = [lock for lock in (self.lock_of_strangers, self.lock_of_known) if lock]
        if locks and self.is_enforced("failures"):
            return Badge.LOCKED if all(lock.until for lock in locks) else Badge.DISABLED
        return Badge.USED_UP if self.is_enforced("phone") and self._free_at() else None

    def summary(self) -> Iterator[str]:
        yield self._messages()
        count = self.state.strangers.consecutive + self.state.acquainted.consecutive
        if count:
            text = ngettext("%(count)d failed attempt", "%(count)d failed attempts", count)
            yield text % {"count": count}
        if self.badge == Badge.LOCKED:
            yield _describe_lock(self.lock_of_strangers or self.lock_of_known)

    def facts(self) -> Iterator[Fact]:
        yield _("Messages"), self._messages()
        if usage := self._busiest_network():
            yield _("Messages for one network, at most"), usage
        yield _("Next message"), self._next_message()
        strangers, acquainted = self.state.strangers, self.state.acquainted
        yield (
            _("Failed attempts of strangers, in a row"),
            self._failures(strangers.consecutive, self.lock_of_strangers),
        )
        yield (
            _("Failed attempts of known callers, in a row"),
            self._failures(acquainted.consecutive, self.lock_of_known),
        )
        yield _("Known networks and devices"), str(len(self.state.known))
        if self.state.succeeded_at:
            yield _("Last redeemed"), format_time(self.state.succeeded_at)

    def _messages(self) -> str:
        return self.usage("phone", [(at, 1) for at, _tag in self.state.sends])

    def _busiest_network(self) -> str:
        sends: dict[str, list[Entry]] = {}
        for at, tag in self.state.sends:
            # An empty tag stands for an unknown address.
            if tag:
                sends.setdefault(tag, []).append((at, 1))
        if not sends or not self.settings.rates("phone_ip"):
            return ""
        return self.usage("phone_ip", max(sends.values(), key=len))

    def _next_message(self) -> str:
        waits = [self.state.next_send_at(self.settings.COOLDOWN), self._free_at()]
        lock = self.lock_of_strangers
        if lock and self.is_enforced("failures"):
            if lock.until is None:
                return _("to known callers only")
            # A shorter lock ends before the code of the next message expires.
            is_long = lock.until >= self.now + self.settings.CODE_LIFETIME
            waits.append(lock.until if is_long else None)
        free_at = max((wait for wait in waits if wait and wait > self.now), default=None)
        return format_time(free_at) if free_at else _("at any time")

    def _free_at(self) -> datetime | None:
        return self.state.quota_free_at(self.settings.rates("phone"), self.now)

    def _lock(self, tags: Sequence[str]) -> Lock | None:
        if self.settings.mode("failures") == "off":
            return None
        return self.state.lock(failure_budget(), self.now, tags)

    def _failures(self, count: int, lock: Lock | None) -> str:
        texts = [str(count), _describe_lock(lock)] if lock else [str(count)]
        if lock and not self.is_enforced("failures"):
            texts.append(_("only recorded"))
        return ", ".join(texts)


def _describe_lock(lock: Lock | None) -> str:
    if lock is None or lock.until is None:
        return _("disabled until the number is verified anew or the lockout is lifted")
    return _("locked until %(time)s") % {"time": format_time(lock.until)}
