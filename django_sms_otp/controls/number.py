"""What a number's own row says: the cooldown, its quotas, the failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from ..conf import Settings, get_settings
from ..db.rounds import NumberRow
from ..limits.number import MEMORY, FailureBudget, Lock
from ..logs import log_fields
from ..phone import mask
from ..purposes import VERIFY_PHONE
from .base import Controls, Finding
from .callers import Caller

__all__ = ["NumberControls", "failure_budget", "lock_on", "memory"]


logger = logging.getLogger("django_sms_otp")


def memory() -> timedelta:
    """Return how long a message counts in any row: a day, the longest window, or the breaker's
    block."""
    return _memory(get_settings())


@lru_cache(maxsize=1)
def _memory(settings: Settings) -> timedelta:
    windows = [rate.window for limit in settings.LIMITS for rate in settings.rates(limit)]
    block = settings.breaker.block_for if settings.breaker else MEMORY
    return max(MEMORY, block, timedelta(seconds=max(windows, default=0)))


def failure_budget() -> FailureBudget:
    """Return the budget of wrong guesses that the settings give to every number."""
    settings = get_settings()
    return FailureBudget(
        free=settings.MAX_ATTEMPTS,
        rates=settings.rates("failures"),
        most=settings.MAX_CONSECUTIVE_FAILURES,
    )


def lock_on(row: NumberRow, purpose: str, caller: Caller) -> Lock | None:
    """Return why no code of a number is taken from this caller; ``None``: it is."""
    mode = get_settings().mode("failures")
    if mode == "off" or not row.state.is_held:
        return None  # Without a failure, there is nothing to lock for.
    tags, binds = caller.tags(row.key), purpose == VERIFY_PHONE
    lock = row.state.lock(failure_budget(), row.now, tags, binds=binds)
    if lock is not None and mode == "record":
        extra = log_fields(
            "control", phone_number=row.key, outcome="recorded", control="failures"
        )
        logger.warning("Would have locked %s.", mask(row.key), extra=extra)
        return None
    return lock


class NumberControls(Controls):
    def findings(self, row: NumberRow) -> Iterator[Finding]:
        yield from self._lock(row)
        next_send_at = row.state.next_send_at(self.settings.COOLDOWN)
        if next_send_at and next_send_at > row.now:
            yield Finding(control="cooldown", reason="cooldown", free_at=next_send_at)
        yield from self._quota(row, "phone", None)
        if tag := self.subject.caller.network_tag(self.number.e164):
            yield from self._quota(row, "phone_ip", tag)

    def _lock(self, row: NumberRow) -> Iterator[Finding]:
        lock = lock_on(row, self.subject.attempt.purpose, self.subject.caller)
        if lock is None:
            return
        # A shorter wait is over before the message's code is.
        if lock.until is None or lock.until >= row.now + self.subject.lifetime:
            yield Finding(control="failures", reason="too_many_attempts", free_at=lock.until)

    def _quota(self, row: NumberRow, control: str, tag: str | None) -> Iterator[Finding]:
        free_at = row.state.quota_free_at(self.settings.rates(control), row.now, tag=tag)
        if free_at is not None:
            yield Finding(control=control, reason="quota_exceeded", free_at=free_at)
