"""Services for staff: invalidate codes, lift lockouts, forget limits."""

from __future__ import annotations

from collections.abc import Iterable

from ..backends.composite import circuits
from ..db import LimitRow, NumberRow, Write, change_limit, change_number
from ..limits.keys import CIRCUIT, NUMBER, LimitKey
from ..models import LimitKind, OTPCode
from ..phone import PhoneNumber
from .arguments import e164_of

__all__ = ["forget_limit", "invalidate_codes", "unlock_number"]


def invalidate_codes(otp_codes: Iterable[OTPCode]) -> int:
    """Supersede codes. Return how many of them were live.

    :raises TypeError: one of them is no :class:`~django_sms_otp.models.OTPCode`. No code was
        superseded.
    """
    otp_codes = [*otp_codes]
    if not all(isinstance(each, OTPCode) for each in otp_codes):
        raise TypeError("invalidate_codes() takes rows of OTPCode, such as a QuerySet.")
    return sum(_invalidate(otp_code) for otp_code in otp_codes)


def _invalidate(otp_code: OTPCode) -> int:
    def supersede(row: NumberRow) -> int:
        with row.replaced_by(row.state):
            return sum(row.write(row.supersession(otp_code)))

    return change_number(otp_code.phone_number, supersede)


def unlock_number(phone_number: PhoneNumber | str) -> bool:
    """Forget the wrong guesses of a number, and so lift its lockout.

    Return whether there were any.

    :param phone_number: the number, or its text in E.164.
    :raises TypeError: it is neither.
    :raises ValueError: the text is not in E.164.
    """

    def forget(row: NumberRow) -> bool:
        row.replace(row.state.unlocked())
        return row.state.has_failures

    return change_number(e164_of(phone_number), forget)


def forget_limit(key: str) -> bool:
    """Clear the counts of a shared limit and its block, or close the circuit of a backend.

    Return whether there was anything to clear.

    :param key: ``ip:203.0.113.7``, ``prefix:+1415555``, ``country:JM``, ``site`` or
        ``circuit:default``.
    :raises ValueError: the kind is unknown, or it is a phone number. Clearing the row of a
        number would also forget its callers and its cooldown.
    :raises TypeError: ``key`` is no text.
    """
    if not isinstance(key, str):
        raise TypeError(f"key must be a str such as 'country:JM', not {type(key).__name__}.")
    limit = LimitKey.parse(key)
    if limit.kind == NUMBER or limit.kind not in LimitKind.values:
        raise ValueError(
            "The key names no limit that forget_limit() can clear. Pass a key such as "
            "ip:203.0.113.7, prefix:+1415555, country:JM, site or circuit:default. For a phone "
            "number call unlock_number()."
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
