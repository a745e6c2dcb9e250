"""What staff may do to codes and limits."""

from __future__ import annotations

from collections.abc import Iterable

from ..backends.composite import circuits
from ..db import LimitRow, NumberRow, Write, change_limit, change_number
from ..limits.keys import CIRCUIT, NUMBER, LimitKey
from ..models import LimitKind, OTPCode

__all__ = ["forget_limit", "invalidate_codes", "unlock_number"]


def invalidate_codes(otp_codes: Iterable[OTPCode]) -> int:
    """Make live codes useless; return how many were live."""
    return sum(_invalidate(otp_code) for otp_code in otp_codes)


def _invalidate(otp_code: OTPCode) -> int:
    def supersede(row: NumberRow) -> int:
        with row.replaced_by(row.state):
            return sum(row.write(row.supersession(otp_code)))

    return change_number(otp_code.phone_number, supersede)


def unlock_number(e164: str) -> bool:
    """Lift a lockout: forget a number's wrong guesses. Return whether there were any."""

    def forget(row: NumberRow) -> bool:
        row.replace(row.state.unlocked())
        return row.state.has_failures

    return change_number(e164, forget)


def forget_limit(key: str) -> bool:
    """Forget what a shared limit has counted, a block by the breaker included; or close a
    backend's circuit. Return whether there was anything.

    :param key: ``ip:203.0.113.7``, ``prefix:+1415555``, ``country:JM``, ``site`` or
        ``circuit:default``.
    :raises ValueError: no such kind, or a phone number, whose row knows more than counts.
    """
    limit = LimitKey.parse(key)
    if limit.kind == NUMBER or limit.kind not in LimitKind.values:
        raise ValueError(
            "This is no limit that can be forgotten. Write ip:203.0.113.7, prefix:+1415555, "
            "country:JM, site or circuit:default; for a phone number see unlock_number()."
        )
    if limit.kind == CIRCUIT:
        return circuits.close(limit.subject)
    had_any = False

    def forget(row: LimitRow) -> Write | None:
        nonlocal had_any
        had_any = bool(row.state or row.counters.uses)
        return row.replacement({}) if had_any else None

    change_limit(limit, forget)
    return had_any
