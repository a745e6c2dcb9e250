"""The budget of unverified numbers, and the breaker that low conversion trips."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from django.db import DatabaseError
from django.utils.functional import cached_property

from ..conf import Settings, get_settings
from ..db.rounds import LimitRow, NumberRow, change_row
from ..exceptions import Contention
from ..limits.shared import SharedState
from ..logs import log_fields
from ..models import VERIFIED, OTPCode
from ..phone import PhoneNumber
from ..stats.rollup import busiest_day
from .base import Controls, Finding
from .breakers import FRAUD_BLOCK, Trip, block, trip_of
from .callers import Caller
from .pumping import country_is_over, network_is_over
from .quotas import shared_key

__all__ = ["FraudControls", "note_fraud", "note_not_sent", "note_redemption"]

logger = logging.getLogger("django_sms_otp")


class FraudControls(Controls):
    """Both let verified numbers pass and do not count them."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        # Where there is a breaker, it heeds a gateway's word, too.
        return bool(settings.budget or settings.heeds_fraud_blocks)

    def row_keys(self) -> Iterable[str]:
        return {*self._budget_keys, *self._breaker_keys}

    def watched_keys(self) -> Iterable[str]:
        return self._word_keys

    def findings(self, row: NumberRow) -> Iterator[Finding]:
        # Judged for verified numbers too, who pass: the time that it takes must not tell.
        is_over_budget = self._is_over_budget(row)
        blocking_keys = {*self._breaker_keys, *self._word_keys}
        is_blocked = [self._is_blocked(row, key) for key in blocking_keys]
        if self.subject.verified or (any(is_blocked) and self.subject.opens_account):
            return
        is_soft = self.settings.UNKNOWN_NUMBERS != "reject"
        if is_over_budget:
            yield Finding(control="budget", reason="quota_exceeded", is_soft=is_soft)
        if any(is_blocked):
            yield Finding(control="breaker", reason="quota_exceeded", is_soft=is_soft)

    def trips(self, row: NumberRow) -> Iterator[Trip]:
        breaker = self.settings.breaker
        for key in self._breaker_keys if breaker else ():
            shared = row.shared[key]
            if trip := trip_of(key, shared.state, shared.now.timestamp()):
                yield trip

    def count(self, row: NumberRow, states: dict[str, SharedState], *, withheld: bool) -> None:
        if withheld or self.subject.verified:
            return
        for key in self.row_keys():
            now = row.shared[key].now.timestamp()
            states[key] = states[key].with_sent(now)
            if key.startswith("ip:"):
                states[key] = states[key].with_region(now, self.number.region, redeemed=False)

    @cached_property
    def _budget_keys(self) -> list[str]:
        return self._keys_of("country", "ip") if self.settings.budget else []

    @cached_property
    def _breaker_keys(self) -> list[str]:
        return self._keys_of("country", "prefix") if self.settings.breaker else []

    @cached_property
    def _word_keys(self) -> list[str]:
        # Without a breaker nothing is counted, but a gateway's word may block a prefix.
        return self._keys_of("prefix") if self.settings.heeds_fraud_blocks else []

    def _keys_of(self, *controls: str) -> list[str]:
        keys = [shared_key(each, self.number, self.subject.caller) for each in controls]
        return [key for key in keys if key]

    def _is_over_budget(self, row: NumberRow) -> bool:
        used_up = [self._is_used_up(row.shared[key]) for key in self._budget_keys]
        return any(used_up)

    def _is_used_up(self, shared: LimitRow) -> bool:
        budget, now = self.settings.budget, shared.now.timestamp()
        if budget is None:
            return False
        if shared.key.startswith("ip:"):
            return network_is_over(budget, shared.state, now, region=self.number.region)
        return country_is_over(budget, shared.state, now, busiest_day=self._busiest_day)

    @cached_property
    def _busiest_day(self) -> int:
        return busiest_day(self.number.region)

    def _is_blocked(self, row: NumberRow, key: str) -> bool:
        shared = row.shared[key]
        state, now = shared.state, shared.now.timestamp()
        if state.blocked_until > now:
            return True
        trip = trip_of(key, state, now)
        return trip is not None and trip.blocks


def note_redemption(otp_code: OTPCode, phone_number: PhoneNumber, caller: Caller) -> None:
    """Count a code's messages as redeemed. After the login, in transactions of their own: the
    rows are many logins', and none is to wait for another's."""
    if not otp_code.reason.startswith(VERIFIED):
        _change_cohorts(phone_number, caller, lambda row: _redeemed(row, otp_code))


def note_not_sent(
    otp_code: OTPCode, phone_number: PhoneNumber, caller: Caller, *, counted_at: datetime
) -> None:
    """Take a message back that was counted and never left: a gateway that is down must not
    look like an attack."""
    was_counted = not otp_code.reason.startswith(VERIFIED)
    # The rows of verified numbers are written too, as they are: the time must not tell.
    _change_cohorts(
        phone_number,
        caller,
        lambda row: _unsent(row, counted_at) if was_counted else row.state,
    )


def note_fraud(phone_number: PhoneNumber) -> None:
    """Block the prefix of a number whose message a gateway took for fraud. Numbers that open an
    account pass, so nobody locks out customers by looking like a fraudster."""
    settings = get_settings()
    key = shared_key("prefix", phone_number, Caller.of(None, None))
    if key is None or not (
        settings.heeds_fraud_blocks and settings.mode("breaker") == "enforce"
    ):
        return
    try:
        blocked_until = block(key, FRAUD_BLOCK)
    except (Contention, DatabaseError) as error:
        name = type(error).__name__
        extra = log_fields("not_counted", control="breaker", key=key, error_code=name)
        logger.error("%s was not blocked: %s.", key, name, extra=extra)
        return
    if blocked_until:
        extra = log_fields("breaker", outcome="blocked", control="breaker", key=key)
        logger.error("Breaker %s: the gateway saw fraud, blocked.", key, extra=extra)


def _change_cohorts(
    phone_number: PhoneNumber, caller: Caller, change: Callable[[LimitRow], SharedState]
) -> None:
    settings = get_settings()
    controls = {
        *(("country", "ip") if settings.budget else ()),
        *(("country", "prefix") if settings.breaker else ()),
    }
    keys = [shared_key(control, phone_number, caller) for control in sorted(controls)]
    try:
        for key in filter(None, keys):
            change_row(key, lambda row: change(row).to_json())
    except (Contention, DatabaseError) as error:
        # What is counted has happened: no login is to fail for the sake of a count.
        name = type(error).__name__
        extra = log_fields("not_counted", phone_number=phone_number, error_code=name)
        logger.error("Cohorts were not counted: %s.", name, extra=extra)


def _unsent(row: LimitRow, counted_at: datetime) -> SharedState:
    return row.state.with_sent(row.now.timestamp(), at=counted_at.timestamp(), count=-1)


def _redeemed(row: LimitRow, otp_code: OTPCode) -> SharedState:
    now = row.now.timestamp()
    sent_at = otp_code.created_at.timestamp()
    state = row.state.with_redeemed(now, sent_at=sent_at, count=otp_code.send_count)
    if row.key.startswith("ip:"):
        return state.with_region(now, otp_code.region, redeemed=True)
    return state
