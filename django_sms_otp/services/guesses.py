"""Evaluates one guess against a number's row and its codes, and writes the result."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import F

from ..auth.users import get_user_resolver, is_shown
from ..backends import code_issuing_backend
from ..codes import match_code, normalise_code
from ..conf import get_settings
from ..controls import lock_on
from ..controls.callers import Caller
from ..db import NumberRow, users_too
from ..delivery import code_of
from ..exceptions import LoginRefused
from ..masked import MaskedText
from ..models import OTPCode
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..results import Redeemed, RedemptionRefused

__all__ = ["Guess", "GuessResult", "accept_approved", "evaluate", "give_back", "is_spent"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Generic[T]):
    """A typed code, and what its caller gets for the right one.

    :param typed: the code as typed; the ``repr`` does not show it.
    """

    purpose: str
    request_id: uuid.UUID | None
    caller: Caller
    typed: str = field(repr=False)
    grant: Callable[[AbstractBaseUser], T] | None
    grant_writes: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "typed", MaskedText(self.typed))

    @property
    def is_granted_first(self) -> bool:
        """Whether ``grant`` is called before the transaction.

        No lock is held during the call then, but its writes would not be rolled back.
        """
        if self.grant and self.grant_writes:
            return False
        return self.purpose != LOGIN or not get_user_resolver().may_log_in_writes


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessResult(Generic[T]):
    """The committed result of a guess.

    :param registered: the user whom this login created, even if that user may not log in.
    :param charged_at: when the guess was counted as wrong, if its gateway has yet to evaluate
        it. ``answer`` is then the answer to a wrong guess.
    """

    answer: Redeemed[T] | RedemptionRefused
    otp_code: OTPCode | None = None
    registered: AbstractBaseUser | None = None
    charged_at: datetime | None = None


def is_spent(otp_code: OTPCode) -> bool:
    """Return whether a code has used up its wrong guesses."""
    max_attempts = get_settings().MAX_ATTEMPTS
    issuer = code_issuing_backend(otp_code.backend)
    if issuer and issuer.most_guesses:
        # The gateway does not know a withheld code, and would never call it spent. So the app
        # refuses first, and all codes look alike.
        max_attempts = min(max_attempts, issuer.most_guesses)
    return otp_code.failed_attempts >= max_attempts


def evaluate(guess: Guess[T], row: NumberRow) -> GuessResult[T]:
    """Compare a guess with the number's code, and write the result."""
    otp_code = _guessed_code(guess, row)
    # Before the comparison: the answer of a locked number must not tell whether a guess is
    # right.
    if lock := lock_on(row, guess.purpose, guess.caller):
        return GuessResult(answer=_too_many_attempts(row, until=lock.until), otp_code=otp_code)
    expected = code_of(otp_code) if otp_code and otp_code.is_live(row.now) else None
    if otp_code is None or expected is None:
        return _invalid_code(otp_code)
    if is_spent(otp_code):
        return GuessResult(answer=_too_many_attempts(row, until=row.now), otp_code=otp_code)
    if code_issuing_backend(otp_code.backend):
        # Count the guess as wrong before the gateway is asked: a process that is killed in
        # between must not leave a free guess.
        result = _count_wrong_guess(guess, otp_code, row)
        is_wrong_for_sure = len(normalise_code(guess.typed)) != otp_code.code_length
        return result if is_wrong_for_sure else replace(result, charged_at=row.now)
    if not match_code(expected, guess.typed) or otp_code.is_withheld:
        return _count_wrong_guess(guess, otp_code, row)
    return _accept(guess, otp_code, row)


def accept_approved(guess: Guess[T], charged: OTPCode, row: NumberRow) -> GuessResult[T]:
    """Use up a code after its gateway has accepted the guess.

    The gateway was asked outside any transaction. Another request may have used up or
    superseded the code meanwhile.
    """
    otp_code = _guessed_code(guess, row)
    if otp_code is None or otp_code.pk != charged.pk or not otp_code.is_live(row.now):
        return _invalid_code(charged)
    return _accept(guess, otp_code, row, taken_back=1)


def give_back(charged: OTPCode, charged_at: datetime, row: NumberRow) -> None:
    """Take back a counted guess that the gateway did not evaluate."""
    with row.replaced_by(row.state.without_failure(charged_at)):
        rows = OTPCode.objects.using(row.alias).filter(pk=charged.pk, failed_attempts__gt=0)
        rows.update(failed_attempts=F("failed_attempts") - 1)


def _invalid_code(otp_code: OTPCode | None) -> GuessResult[T]:
    return GuessResult(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)


def _too_many_attempts(row: NumberRow, *, until: datetime | None) -> RedemptionRefused:
    """Return the answer that says when a new code can be requested and redeemed.

    :param until: the end of the lockout; ``None`` if waiting does not help.
    """
    if until is None:
        return RedemptionRefused(reason="too_many_attempts")
    next_send_at = row.state.next_send_at(get_settings().COOLDOWN) or row.now
    wait = row.wait_until(max(until, next_send_at))
    return RedemptionRefused(reason="too_many_attempts", retry_after=wait)


def _guessed_code(guess: Guess[T], row: NumberRow) -> OTPCode | None:
    if get_settings().REQUIRE_REQUEST_ID and guess.request_id is not None:
        return row.code(guess.request_id)
    newest = row.newest()
    if newest is None or guess.request_id in {None, newest.pk}:
        return newest
    return None


def _count_wrong_guess(guess: Guess[T], otp_code: OTPCode, row: NumberRow) -> GuessResult[T]:
    state = row.state.with_failure(row.now, guess.caller.tags(row.e164))
    row.replace(state, row.attempt(otp_code))
    otp_code.failed_attempts += 1
    return _invalid_code(otp_code)


def _accept(
    guess: Guess[T], otp_code: OTPCode, row: NumberRow, *, taken_back: int = 0
) -> GuessResult[T]:
    state = row.state.after_success(row.now, guess.caller.tags(row.e164))
    # Before the transaction, which holds locks.
    user, must_register = (
        _find_user(otp_code.number) if guess.purpose == LOGIN else (None, False)
    )
    if guess.is_granted_first and not must_register:
        answer = _log_in(guess, otp_code, user)
        row.replace(state, row.consumption(otp_code, user, taken_back=taken_back))
        return GuessResult(answer=answer, otp_code=otp_code)
    registered = None
    with row.replaced_by(state), users_too():
        if must_register:
            user = registered = _register(otp_code.number)
        row.write(row.consumption(otp_code, user, taken_back=taken_back))
        answer = _log_in(guess, otp_code, user, registered=registered is not None)
    return GuessResult(answer=answer, otp_code=otp_code, registered=registered)


def _find_user(phone_number: PhoneNumber) -> tuple[AbstractBaseUser | None, bool]:
    """Return the user of a number, and whether one must be created."""
    try:
        user = get_user_resolver().get_user(phone_number)
    except LoginRefused:
        return None, False
    return user, user is None and get_settings().UNKNOWN_NUMBERS == "register"


def _register(phone_number: PhoneNumber) -> AbstractBaseUser | None:
    try:
        return get_user_resolver().create_user(phone_number)
    except LoginRefused:
        return None


def _may_log_in(user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
    return get_user_resolver().may_log_in(user, phone_number) and is_shown(user)


def _log_in(
    guess: Guess[T],
    otp_code: OTPCode,
    user: AbstractBaseUser | None,
    *,
    registered: bool = False,
) -> Redeemed[T] | RedemptionRefused:
    refused = RedemptionRefused(reason="no_active_account")
    if guess.purpose == LOGIN and not (user and _may_log_in(user, otp_code.number)):
        return refused
    try:
        granted = guess.grant(user) if guess.grant and user else None
    except LoginRefused:
        return refused
    return Redeemed(request_id=otp_code.pk, user=user, registered=registered, granted=granted)
