"""Whose account a right code opens, and whether it does."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from ..auth.last_use import move_last_use, used_within
from ..auth.users import get_user_resolver, is_shown
from ..conf import get_settings
from ..controls.openings import Opening
from ..db import NumberRow, Write, database_alias, last_use_of
from ..exceptions import LoginRefused
from ..models import OTPCode, VerifiedPhone
from ..phone import PhoneNumber
from ..results import Redeemed, RedemptionRefused
from .fixed_codes import mark_account

__all__ = ["find_user", "note_use", "refusal_of", "register"]


def find_user(phone_number: PhoneNumber) -> tuple[AbstractBaseUser | None, bool]:
    """Return the user of a number, and whether one must be created."""
    try:
        user = get_user_resolver().get_user(phone_number)
    except LoginRefused:
        return None, False
    return user, user is None and get_settings().UNKNOWN_NUMBERS == "register"


def register(otp_code: OTPCode) -> AbstractBaseUser | None:
    """Create the user of a code's number; ``None`` if the resolver refuses."""
    try:
        user = get_user_resolver().create_user(otp_code.number)
    except LoginRefused:
        return None
    if otp_code.is_test:
        mark_account(user, otp_code.number)
    return user


def refusal_of(
    user: AbstractBaseUser | None,
    phone_number: PhoneNumber,
    row: NumberRow,
    opening: Opening | None,
) -> str:
    """Return why a right code does not log the user in; empty if it does.

    :param opening: ``None`` for a user who was just created: nobody else's number is theirs.
    """
    if user is None:
        return "no_active_account"
    # First: who holds somebody's old number does not learn what became of their account.
    if opening and (reason := opening.refusal(user, phone_number, row.now)):
        return reason
    may_log_in = get_user_resolver().may_log_in(user, phone_number) and is_shown(user)
    return "" if may_log_in else "no_active_account"


def note_use(
    answer: Redeemed[Any] | RedemptionRefused, row: NumberRow, otp_code: OTPCode
) -> list[Write]:
    """Return the write that notes a login by the number, and by which kind of code.

    Of several logins within the lifetime of a code, one is noted: to PostgreSQL it is part of
    the statement that redeems the code, but to others a statement more. If the numbers have a
    database of their own, it is noted at once: the code was right, whichever guess wins.

    Whatever the resolver is: its accounts, too, are a person's as soon as one has logged in.
    """
    user = answer.user if isinstance(answer, Redeemed) and not answer.registered else None
    if user is None or _is_noted(user, row, otp_code):
        return []
    if database_alias(VerifiedPhone) != row.alias:
        # A fixed code marks nothing: by the end of a race the account may be a person's.
        move_last_use(user, row.e164, row.now, is_test=None if otp_code.is_test else False)
        return []
    return [last_use_of(row.e164, user.pk, row.now, is_test=otp_code.is_test)]


def _is_noted(user: AbstractBaseUser, row: NumberRow, otp_code: OTPCode) -> bool:
    """Tell whether a login by the same kind of code was noted a moment ago."""
    settings, is_test = get_settings(), otp_code.is_test
    if row.e164 in settings.TEST_NUMBERS and not is_test:
        return False
    lifetime = settings.purpose(otp_code.purpose).code_lifetime
    is_noted = used_within(user, lifetime, row.now, is_test=is_test)
    if is_noted is not None:
        return is_noted
    last = row.last_redeemed()
    return last is not None and last.is_test is is_test
