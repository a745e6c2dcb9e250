"""Services for staff: invalidate codes, lift lockouts, give messages back, forget limits.

Each of them logs what it has changed. ``by`` says in the log who did it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from ..backends.composite import circuits
from ..db import LimitRow, NumberRow, Write, change_limit, change_number
from ..limits.keys import CIRCUIT, NUMBER, LimitKey
from ..limits.number import NumberState
from ..limits.refusals import Refusals
from ..logs import log_fields, short_id
from ..models import Limit, LimitKind, OTPCode
from ..phone import PhoneNumber
from .arguments import e164_of

__all__ = [
    "NOBODY_NAMED",
    "forget_limit",
    "give_back_messages",
    "invalidate_codes",
    "log_limit_change",
    "unlock_number",
]

logger = logging.getLogger("django_sms_otp")

NOBODY_NAMED = "Somebody"


def invalidate_codes(otp_codes: Iterable[OTPCode], *, by: str = NOBODY_NAMED) -> int:
    """Supersede codes. Return how many of them were live.

    :raises TypeError: one of them is no :class:`~django_sms_otp.models.OTPCode`. No code was
        superseded.
    """
    otp_codes = [*otp_codes]
    if not all(isinstance(each, OTPCode) for each in otp_codes):
        raise TypeError("invalidate_codes() takes rows of OTPCode, such as a QuerySet.")
    return sum(_invalidate(otp_code, by) for otp_code in otp_codes)


def _invalidate(otp_code: OTPCode, by: str) -> bool:
    def supersede(row: NumberRow) -> bool:
        codes = OTPCode.objects.using(row.alias).filter(pk=otp_code.pk)
        if row.is_new and not codes.exists():
            return False  # The number was erased.
        with row.replaced_by(row.state):
            return any(row.write(row.supersession(otp_code)))

    is_changed = change_number(otp_code.number.e164, supersede)
    if is_changed:
        extra = log_fields("code_invalidated", otp_code=otp_code, outcome="invalidated")
        text = "%s invalidated code %s of %s."
        logger.info(text, by, short_id(otp_code.pk), otp_code.number, extra=extra)
    return is_changed


def unlock_number(phone_number: PhoneNumber | str, *, by: str = NOBODY_NAMED) -> bool:
    """Forget the wrong guesses of a number, and so lift its lockout.

    Return whether there were any.

    :param phone_number: the number, or its text in E.164.
    :raises TypeError: it is neither.
    :raises ValueError: the text is not in E.164.
    """

    def forget(row: NumberRow) -> bool:
        _lift(row, row.state.unlocked(), {"failures"})
        return row.state.has_failures

    e164 = e164_of(phone_number)
    is_changed = change_number(e164, forget)
    if is_changed:
        log_limit_change(by, LimitKey(NUMBER, e164), "unlocked", "Lifted the lockout.")
    return is_changed


def give_back_messages(phone_number: PhoneNumber | str, *, by: str = NOBODY_NAMED) -> bool:
    """Forget the messages that count against a number's cooldown and quotas.

    Return whether there were any. Wrong guesses stay, and so does a lockout.
    """

    def forget(row: NumberRow) -> bool:
        _lift(row, row.state.without_sends(), {"cooldown", "phone", "phone_ip"})
        return any(send.at for send in row.state.sends)

    e164 = e164_of(phone_number)
    is_changed = change_number(e164, forget)
    if is_changed:
        log_limit_change(
            by, LimitKey(NUMBER, e164), "given_back", "Restored the message quota."
        )
    return is_changed


def _lift(row: NumberRow, state: NumberState, controls: Collection[str]) -> None:
    """Replace a number's row, and let the refusals end that these controls have noted."""
    if row.is_new:
        return
    known = Refusals.from_json(row.row.stored.refusals if row.row.stored else None)
    lifted = known.lifted(controls, int(row.now.timestamp()))
    with row.replaced_by(state):
        if lifted != known:
            rows = Limit.objects.using(row.alias).filter(kind=NUMBER, subject=row.e164)
            rows.update(refusals=lifted.to_json())


def forget_limit(key: str, *, by: str = NOBODY_NAMED) -> bool:
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
            "number call unlock_number() or give_back_messages()."
        )
    if limit.kind == CIRCUIT:
        if is_changed := circuits.close(limit.subject):
            log_limit_change(by, limit, "closed", "Closed the circuit.")
        return is_changed
    had_any = False

    def forget(row: LimitRow) -> Write | None:
        nonlocal had_any
        had_any = bool(row.state or row.counters.uses)
        return row.replacement({}) if had_any else None

    change_limit(limit, forget)
    if had_any:
        log_limit_change(by, limit, "reset", "Reset the counts.")
    return had_any


def log_limit_change(by: str, key: LimitKey, outcome: str, text: str) -> None:
    """Log what somebody did to a limit.

    :param outcome: a word for programs.
    """
    masked = str(Limit(kind=key.kind, subject=key.subject))
    extra = log_fields("limit_changed", outcome=outcome, key=masked)
    logger.info("%s, limit %s: %s", by, masked, text, extra=extra)
