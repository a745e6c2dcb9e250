"""Uses up the code of a right guess, and does what it authorises, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser

from ..db import NumberRow, users_too
from ..exceptions import LoginRefused
from ..models import OTPCode
from ..results import Redeemed, RedemptionRefused
from .fixed_codes import is_nobodys
from .guess import Guess, GuessResult
from .logins import find_user, note_use, refusal_of, register

__all__ = ["accept"]

T = TypeVar("T")


def accept(
    guess: Guess[T], otp_code: OTPCode, row: NumberRow, *, taken_back: int = 0
) -> GuessResult[T]:
    """Use up a code, and do what it authorises.

    :param taken_back: the wrong guesses that were counted before the gateway or the site had
        answered, and were none.
    """
    state = row.state.after_success(row.now, guess.caller.tags(row.e164))
    if taken_back:
        state = replace(state, journal=state.journal.without_guess(otp_code.short_id))
    # Before the transaction, which holds locks.
    user, must_register = (
        find_user(otp_code.number) if guess.purpose.opens_account else (None, False)
    )
    if guess.is_granted_first and not must_register:
        answer = _grant(guess, otp_code, row, user)
        uses = note_use(answer, row, otp_code)
        logged_in = user if isinstance(answer, Redeemed) else None
        row.replace(state, row.consumption(otp_code, logged_in, taken_back=taken_back), *uses)
        return GuessResult(answer=answer, otp_code=otp_code)
    registered = None
    with row.replaced_by(state), users_too():
        if must_register:
            user = registered = register(otp_code)
        row.write(row.consumption(otp_code, user, taken_back=taken_back))
        answer = _grant(guess, otp_code, row, user, is_new=registered is not None)
        if not isinstance(answer, Redeemed):
            _name_nobody(otp_code, row)
        row.write(*note_use(answer, row, otp_code))
    return GuessResult(answer=answer, otp_code=otp_code, registered=registered)


def _grant(
    guess: Guess[T],
    otp_code: OTPCode,
    row: NumberRow,
    user: AbstractBaseUser | None,
    *,
    is_new: bool = False,
) -> Redeemed[T] | RedemptionRefused:
    if guess.purpose.opens_account:
        # A test number changes no hands.
        opening = None if is_new or otp_code.is_test else guess.opening
        if reason := refusal_of(user, otp_code.number, row, opening):
            return RedemptionRefused(reason=reason)
    elif guess.user is not None and (reason := _risk(guess, guess.user, otp_code)):
        return RedemptionRefused(reason=reason)
    # Somebody may have got the number, or rights, since the request.
    if otp_code.is_test and not is_nobodys(otp_code.number):
        return RedemptionRefused(reason="no_active_account")
    grant = guess.grant_to_new if is_new and guess.grant_to_new else guess.grant
    try:
        granted = grant(user) if grant else None
    except LoginRefused:
        return RedemptionRefused(reason="no_active_account")
    return Redeemed(request_id=otp_code.pk, user=user, registered=is_new, granted=granted)


def _name_nobody(otp_code: OTPCode, row: NumberRow) -> None:
    """Take back whom the code logged in.

    For a code of nobody's number too: the time must not tell whether there is an account.
    """
    OTPCode.objects.using(row.alias).filter(pk=otp_code.pk).update(user=None)


def _risk(guess: Guess[T], user: AbstractBaseUser, otp_code: OTPCode) -> str:
    """Return why the site does not take the number's word for its user; empty if it does."""
    return "" if otp_code.is_test else guess.opening.verdict(user)
