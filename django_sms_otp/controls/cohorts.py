"""Counts redeemed and unsent messages in the shared rows that the fraud controls read.

Many logins share these rows. Each count is a short transaction of its own after the login, so
that no login holds a lock that others wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import Error

from ..conf import get_settings
from ..db import LimitRow, change_limit, error_name
from ..exceptions import Contention
from ..limits.keys import IP
from ..limits.shared import SharedCounters
from ..logs import log_fields
from ..models import OTPCode
from ..phone import PhoneNumber
from .breakers import FRAUD_BLOCK, block
from .callers import Caller
from .quotas import shared_key

__all__ = ["note_fraud", "note_not_sent", "note_redemption"]

logger = logging.getLogger("django_sms_otp")


def note_redemption(otp_code: OTPCode, phone_number: PhoneNumber, caller: Caller) -> None:
    """Count the messages of a code as redeemed."""
    if not otp_code.exempt:
        _change_cohorts(phone_number, caller, lambda row: _with_redeemed(row, otp_code))


def note_not_sent(
    otp_code: OTPCode, phone_number: PhoneNumber, caller: Caller, *, counted_at: datetime
) -> None:
    """Take back a message that was counted and not sent.

    Otherwise a gateway that is down would look like an attack.
    """
    # The rows are written for verified numbers too, unchanged. So the time of the answer does
    # not tell whether the number has an account.
    _change_cohorts(
        phone_number,
        caller,
        lambda row: row.counters if otp_code.exempt else _with_unsent(row, counted_at),
    )


def note_fraud(phone_number: PhoneNumber) -> None:
    """Block the prefix of a number because a gateway took its message for fraud.

    Numbers that open an account pass the block. So a fraudster cannot lock customers out.
    """
    settings = get_settings()
    key = shared_key("prefix", phone_number, Caller.of(None, None))
    if key is None or not (
        settings.heeds_fraud_blocks and settings.mode("breaker") == "enforce"
    ):
        return
    try:
        blocked_until = block(key, FRAUD_BLOCK)
    except (Contention, Error) as error:
        name = error_name(error)
        extra = log_fields("not_counted", control="breaker", key=str(key), error_code=name)
        logger.error("%s was not blocked: %s.", key, name, extra=extra)
        return
    if blocked_until:
        extra = log_fields("breaker", outcome="blocked", control="breaker", key=str(key))
        logger.error("Breaker %s: the gateway saw fraud, blocked.", key, extra=extra)


def _change_cohorts(
    phone_number: PhoneNumber, caller: Caller, change: Callable[[LimitRow], SharedCounters]
) -> None:
    settings = get_settings()
    controls = {
        *(("country", "ip") if settings.budget else ()),
        *(("country", "prefix") if settings.breaker else ()),
    }
    keys = [shared_key(control, phone_number, caller) for control in sorted(controls)]
    try:
        for key in filter(None, keys):
            change_limit(key, lambda row: row.with_counters(change(row)))
    except (Contention, Error) as error:
        # A count that fails must not fail the login.
        name = error_name(error)
        extra = log_fields("not_counted", phone_number=phone_number, error_code=name)
        logger.error("Cohorts were not counted: %s.", name, extra=extra)


def _with_unsent(row: LimitRow, counted_at: datetime) -> SharedCounters:
    return row.counters.with_sent(row.now.timestamp(), at=counted_at.timestamp(), count=-1)


def _with_redeemed(row: LimitRow, otp_code: OTPCode) -> SharedCounters:
    now = row.now.timestamp()
    sent_at = otp_code.created_at.timestamp()
    counters = row.counters.with_redeemed(now, sent_at=sent_at, count=otp_code.send_count)
    if row.key.kind == IP:
        return counters.with_region(now, otp_code.region, redeemed=True)
    return counters
