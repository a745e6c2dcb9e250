"""The controls of a number's own row: lockout, cooldown and quotas."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..conf import get_settings
from ..conf.choices import NUMBERS_OWN
from ..db import NumberRow
from ..limits.failures import Claimant, FailureBudget, Lock
from ..limits.messages import SEND_MEMORY
from ..limits.shared import longest_memory
from ..limits.staff_rules import BLOCKED
from ..logs import log_fields
from ..phone import mask
from .base import Controls, Violation

__all__ = ["NumberControls", "failure_budget", "lock_on", "memory"]


logger = logging.getLogger("django_sms_otp")

LIKELY_WINDOW = 3600
"""Seconds of the wait that a blocked number answers, if the site limits no number."""


def memory() -> timedelta:
    """Return how long a row of limits matters: a purge keeps the rows for this time.

    It is the longest of a day, the windows of all rates, the block of the breaker, and the
    lifetime of a code: the row of a number says whose the guesses at a live code were.
    """
    settings = get_settings()
    windows = [
        rate.window if limit in NUMBERS_OWN else longest_memory(rate)
        for limit in settings.LIMITS
        for rate in settings.rates(limit)
    ]
    block = settings.breaker.block_for if settings.breaker else SEND_MEMORY
    longest_window = timedelta(seconds=max(windows, default=0))
    return max(SEND_MEMORY, block, longest_window, settings.longest_code_lifetime)


def failure_budget() -> FailureBudget:
    """Return the wrong guesses that the settings allow each number."""
    settings = get_settings()
    return FailureBudget(
        free=settings.MAX_ATTEMPTS,
        rates=settings.rates("failures"),
        most=settings.MAX_CONSECUTIVE_FAILURES,
    )


def lock_on(row: NumberRow, claimant: Claimant, *, binds: bool) -> Lock | None:
    """Return the lockout of a caller, or ``None`` if their guess is evaluated.

    :param binds: whether the code binds the number to an account.
    """
    mode = get_settings().mode("failures")
    if mode == "off" or not row.state.has_failures:
        return None
    lock = row.state.lock(failure_budget(), row.now, claimant, binds=binds)
    if lock is not None and mode == "record":
        extra = log_fields(
            "control", phone_number=row.e164, outcome="recorded", control="failures"
        )
        logger.warning("Would have locked %s.", mask(row.e164), extra=extra)
        return None
    return lock


class NumberControls(Controls):
    """Refuses a locked number, and enforces its cooldown and quotas."""

    def check(self, row: NumberRow) -> Sequence[Violation]:
        tag = self.subject.caller.network_tag(self.number.e164)
        return [
            *self._block(row),
            *self._lock(row),
            *self._cooldown(row),
            *self._quota(row, "phone", None),
            *(self._quota(row, "phone_ip", tag) if tag else ()),
        ]

    def _block(self, row: NumberRow) -> Sequence[Violation]:
        """Answer as a used-up quota does, whose wait gets shorter and begins anew."""
        if not row.state.has_rule(BLOCKED, row.now):
            return ()
        rates = self.settings.rates("phone")
        window = min((rate.window for rate in rates), default=LIKELY_WINDOW)
        free_at = (row.now.timestamp() // window + 1) * window
        return [
            Violation(
                control=BLOCKED,
                reason="quota_exceeded",
                free_at=datetime.fromtimestamp(free_at, UTC),
            )
        ]

    def _lock(self, row: NumberRow) -> Sequence[Violation]:
        asker = row.state.asker(self.subject.caller.tags(row.e164))
        purpose = self.settings.purpose(self.subject.attempt.purpose)
        lock = lock_on(row, asker, binds=purpose.binds)
        if lock is None:
            return ()
        if lock.until and lock.until < row.now + self.subject.lifetime:
            return ()  # The lockout ends before the code expires.
        return [Violation(control="failures", reason="too_many_attempts", free_at=lock.until)]

    def _cooldown(self, row: NumberRow) -> Sequence[Violation]:
        next_send_at = row.state.next_send_at(self.settings.COOLDOWN)
        if next_send_at is None or next_send_at <= row.now:
            return ()
        return [Violation(control="cooldown", reason="cooldown", free_at=next_send_at)]

    def _quota(self, row: NumberRow, control: str, tag: str | None) -> Sequence[Violation]:
        free_at = row.state.quota_free_at(self.settings.rates(control), row.now, tag=tag)
        if free_at is None:
            return ()
        return [Violation(control=control, reason="quota_exceeded", free_at=free_at)]
