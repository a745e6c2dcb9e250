"""Counts redeemed messages, and gives back unsent ones, in the rows that numbers share.

Many logins share these rows. Each count is a short transaction of its own after the login, so
that no login holds a lock that others wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import Error

from ..conf import get_settings
from ..db import LimitRow, change_limit, error_name
from ..exceptions import Contention, Unavailable
from ..limits.keys import IP, LimitKey
from ..limits.shared import UNLIMITED, SharedCounters
from ..logs import log_fields
from ..models import OTPCode
from ..phone import PhoneNumber
from .breakers import FRAUD_BLOCK, block
from .callers import Caller
from .quotas import charges_of, shared_key
from .stores import get_store

__all__ = ["note_fraud", "note_not_sent", "note_redemption"]

logger = logging.getLogger("django_sms_otp")


def note_redemption(otp_code: OTPCode, caller: Caller) -> None:
    """Count the messages of a code as redeemed."""
    if not otp_code.exempt:
        keys = _cohort_keys(otp_code.number, caller)
        _change(keys, otp_code.number, lambda row: _with_redeemed(row, otp_code), as_whole=keys)


def note_not_sent(otp_code: OTPCode, caller: Caller, *, counted_at: datetime) -> None:
    """Give back a message that was counted and certainly not sent.

    Otherwise a number that the gateway refuses would use up the cap of the site, and a gateway
    that is down would look like an attack. The limits of the caller's address keep it: whoever
    asks for such numbers shall not do so without end.
    """
    if otp_code.withheld_by:
        return  # It has counted for the address alone.
    phone_number = otp_code.number
    charges = [
        each
        for each in charges_of(phone_number, caller, get_settings())
        if not each.is_by_address
    ]
    used = [each for each in charges if not (each.exempts and otp_code.exempt)]
    if store := get_store():
        name, at = f"{otp_code.pk}:{counted_at}", counted_at.timestamp()
        with _logged(phone_number):
            store.refund(used, name, counted_at=at)
        charges = used = []
    rates = {each.key: each.rates for each in used}
    cohorts = set(_cohort_keys(phone_number, caller))

    def change(row: LimitRow) -> SharedCounters:
        counters, at = row.counters, counted_at.timestamp()
        if row.key in rates:
            counters = counters.without_use(rates[row.key], at)
        if row.key in cohorts and not otp_code.exempt:
            counters = counters.with_sent(row.now.timestamp(), at=at, count=-1)
        return counters

    # All rows are written for verified numbers too. So the time of the answer does not tell
    # whether the number has an account.
    keys = {*cohorts, *(each.key for each in charges)}
    _change(keys, phone_number, change, as_whole=cohorts)


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


def _cohort_keys(phone_number: PhoneNumber, caller: Caller) -> list[LimitKey]:
    settings = get_settings()
    controls = {
        *(("country", "ip") if settings.budget else ()),
        *(("country", "prefix") if settings.breaker else ()),
    }
    keys = [shared_key(control, phone_number, caller) for control in controls]
    return [key for key in keys if key]


def _change(
    keys: Iterable[LimitKey],
    phone_number: PhoneNumber,
    change: Callable[[LimitRow], SharedCounters],
    *,
    as_whole: Collection[LimitKey],
) -> None:
    for key in sorted(keys):
        with _logged(phone_number):
            change_limit(
                key,
                lambda row: row.counted(change(row), UNLIMITED, as_whole=row.key in as_whole),
            )


@contextmanager
def _logged(phone_number: PhoneNumber) -> Iterator[None]:
    """Log an error of the body. A count that fails must not fail the login."""
    try:
        yield
    except (Contention, Error, Unavailable) as error:
        name = error_name(error)
        extra = log_fields("not_counted", phone_number=phone_number, error_code=name)
        logger.error("Cohorts were not counted: %s.", name, extra=extra)


def _with_redeemed(row: LimitRow, otp_code: OTPCode) -> SharedCounters:
    now = row.now.timestamp()
    sent_at = otp_code.created_at.timestamp()
    counters = row.counters.with_redeemed(now, sent_at=sent_at, count=otp_code.send_count)
    if row.key.kind == IP:
        return counters.with_region(now, otp_code.region, redeemed=True)
    return counters
