"""Staff block a number, or let it pass the fraud controls, until a time or for good.

The decision is kept in the number's row, which no purge deletes while it holds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from ..db import NumberRow, change_number
from ..limits.keys import NUMBER, LimitKey
from ..limits.staff_rules import ALLOWED, BLOCKED, StaffRule
from ..models import OTPCode
from ..phone import PhoneNumber
from .arguments import e164_of
from .staff import NOBODY_NAMED, log_limit_change

__all__ = ["allow_number", "block_number", "lift_rule"]


def block_number(
    phone_number: PhoneNumber | str,
    *,
    until: datetime | None = None,
    by: str = NOBODY_NAMED,
) -> None:
    """Let no more codes and notices go to a number, and end its live codes.

    Whoever asks for a code is answered as if the number had used up its quota. Sessions and
    tokens stay valid.

    :param phone_number: the number, or its text in E.164.
    :param until: the end of the block; ``None``: until :func:`lift_rule`.
    :raises TypeError: an argument has another type.
    :raises ValueError: the text is not in E.164, or ``until`` is naive or past.
    """
    _rule(phone_number, BLOCKED, until, by)


def allow_number(
    phone_number: PhoneNumber | str,
    *,
    until: datetime | None = None,
    by: str = NOBODY_NAMED,
) -> None:
    """Let the fraud controls pass a number as they pass verified ones. Ends a block.

    Cooldown, quotas and lockouts stay. The arguments and errors are those of
    :func:`block_number`.
    """
    _rule(phone_number, ALLOWED, until, by)


def lift_rule(phone_number: PhoneNumber | str, *, by: str = NOBODY_NAMED) -> bool:
    """End the block or the allowance of a number. Return whether there was one."""

    def lift(row: NumberRow) -> bool:
        rule = row.state.rule
        if rule is None:
            return False
        row.replace(replace(row.state, rule=None))
        return rule.holds(row.now)

    e164 = e164_of(phone_number)
    is_changed = change_number(e164, lift)
    if is_changed:
        log_limit_change(by, LimitKey(NUMBER, e164), "lifted", "Lifted the block or allowance.")
    return is_changed


def _rule(phone_number: PhoneNumber | str, kind: str, until: datetime | None, by: str) -> None:
    e164 = e164_of(phone_number)
    _check_end(until)

    def write(row: NumberRow) -> None:
        end = until.timestamp() if until else None
        rule = StaffRule(kind, row.now.timestamp(), end)
        with row.replaced_by(replace(row.state, rule=rule)):
            if kind == BLOCKED:
                OTPCode.objects.using(row.alias).filter(phone_number=row.e164).end(row.now)

    change_number(e164, write)
    ends = f" until {until:%Y-%m-%d %H:%M %Z}" if until else ""
    log_limit_change(by, LimitKey(NUMBER, e164), kind, f"The number is {kind}{ends}.")


def _check_end(until: object) -> None:
    if until is None:
        return
    if not isinstance(until, datetime):
        raise TypeError(f"until must be a datetime or None, not {type(until).__name__}.")
    if timezone.is_naive(until) or until <= timezone.now():
        raise ValueError("until must be a time to come, with a time zone.")
