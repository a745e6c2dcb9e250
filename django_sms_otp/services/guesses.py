"""Evaluates one guess against a number's row and its codes, and writes the result."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from django.db.models import F

from ..backends import BaseSMSBackend, code_issuing_backend
from ..codes import match_code, normalise_code
from ..conf import get_settings
from ..controls import failure_budget, lock_on
from ..db import NumberRow
from ..delivery import code_of
from ..limits.failures import STRANGERS, Claimant
from ..limits.journal import WrongGuess
from ..models import OTPCode
from ..results import RedemptionRefused
from .accepting import accept
from .guess import Guess, GuessResult

__all__ = ["accept_approved", "code_issuer", "evaluate", "give_back", "is_spent"]

T = TypeVar("T")

STRANGERS_SHARE = 2
"""Of the guesses that a gateway allows at a code, strangers have one half, rounded down."""


def code_issuer(otp_code: OTPCode) -> BaseSMSBackend | None:
    """Return the backend whose gateway made a code; ``None`` if the app did.

    No gateway knows the code of a test number.
    """
    return None if otp_code.is_test else code_issuing_backend(otp_code.backend)


def is_spent(otp_code: OTPCode, row: NumberRow, claimant: Claimant) -> bool:
    """Return whether a caller has used up the wrong guesses at a code."""
    settings, guesses = get_settings(), row.state.guesses
    most = settings.purpose(otp_code.purpose).max_attempts
    if settings.mode("failures") == "enforce":
        most = guesses.allowance(claimant, failure_budget(), at_code=most)
    issuer = code_issuer(otp_code)
    if issuer and issuer.most_guesses:
        # The gateway does not know a withheld code, and would never call it spent. So the app
        # refuses first, and all codes look alike.
        if otp_code.failed_attempts >= issuer.most_guesses:
            return True
        if claimant.group == STRANGERS:
            most = min(most, issuer.most_guesses // STRANGERS_SHARE)
    if not guesses.has_room_for(otp_code.short_id, claimant.group, row.now):
        return True
    groups = (claimant.group, claimant.shares_with)
    return guesses.at_code(otp_code.short_id, *groups) >= most


def evaluate(guess: Guess[T], row: NumberRow) -> GuessResult[T]:
    """Compare a guess with the number's code, and write the result."""
    otp_code = _guessed_code(guess, row)
    expected = code_of(otp_code) if otp_code and otp_code.is_live(row.now) else None
    live = otp_code if expected is not None else None
    claimant = guess.claimant(row, live)
    # Before the comparison: the answer to who is locked out must not tell whether a guess is
    # right.
    if refused := _lockout(guess, claimant, live, row):
        return GuessResult(answer=refused, otp_code=otp_code)
    if otp_code is None or expected is None:
        return _invalid_code(otp_code)
    if code_issuer(otp_code):
        # Count the guess as wrong before the gateway is asked: a process that is killed in
        # between must not leave a free guess.
        result = _count_wrong_guess(guess, claimant, otp_code, row)
        is_wrong_for_sure = len(normalise_code(guess.typed)) != otp_code.code_length
        return result if is_wrong_for_sure else replace(result, charged_at=row.now)
    if not match_code(expected, guess.typed) or otp_code.is_withheld:
        return _count_wrong_guess(guess, claimant, otp_code, row)
    if guess.asks_site and not otp_code.is_test:
        # Counted before the site asks a provider that bills each question: of any number of
        # parallel right guesses, no more are asked about than a code has attempts.
        result = _count_wrong_guess(guess, claimant, otp_code, row)
        return replace(result, is_right=True)
    return accept(guess, otp_code, row)


def _lockout(
    guess: Guess[T], claimant: Claimant, live: OTPCode | None, row: NumberRow
) -> RedemptionRefused | None:
    """Return the answer to a guess that is not evaluated; ``None`` if it is."""
    spent = live is not None and is_spent(live, row, claimant)
    if lock := lock_on(row, claimant, binds=guess.purpose.binds):
        return _too_many_attempts(row, until=lock.until, spent=spent)
    if spent:
        return _too_many_attempts(row, until=row.now, spent=True)
    # Without a live code too: the answer must not tell strangers whether there is one.
    if live is not None and claimant.group != STRANGERS:
        return None
    until = guess.address.locked_until(row, counts=live is not None)
    return _too_many_attempts(row, until=until, spent=False) if until else None


def accept_approved(guess: Guess[T], charged: OTPCode, row: NumberRow) -> GuessResult[T]:
    """Use up a code after its gateway has accepted the guess, and the site was asked.

    Both were asked outside any transaction. Another request may have used up or superseded the
    code meanwhile.
    """
    otp_code = _guessed_code(guess, row)
    if otp_code is None or otp_code.pk != charged.pk or not otp_code.is_live(row.now):
        return _invalid_code(charged)
    return accept(guess, otp_code, row, taken_back=1)


def give_back(charged: OTPCode, group: str, charged_at: datetime, row: NumberRow) -> None:
    """Take back a counted guess that the gateway did not evaluate.

    :param group: the group of callers that it was counted for.
    """
    if row.is_new:
        return  # The number was erased meanwhile.
    # A guess that binds may not have counted in a row: see _count_wrong_guess.
    in_a_row = not get_settings().purpose(charged.purpose).binds
    guesses = row.state.guesses.without(charged_at, group, charged.short_id, in_a_row=in_a_row)
    journal = row.state.journal.without_guess(charged.short_id)
    with row.replaced_by(replace(row.state, guesses=guesses, journal=journal)):
        rows = OTPCode.objects.using(row.alias).filter(pk=charged.pk, failed_attempts__gt=0)
        rows.update(failed_attempts=F("failed_attempts") - 1)


def _invalid_code(otp_code: OTPCode | None) -> GuessResult[T]:
    return GuessResult(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)


def _too_many_attempts(
    row: NumberRow, *, until: datetime | None, spent: bool
) -> RedemptionRefused:
    """Return the answer that says when a new code can be requested and redeemed.

    :param until: the end of the lockout; ``None`` if waiting does not help.
    """
    if until is None:
        return RedemptionRefused(reason="too_many_attempts", is_spent=spent)
    next_send_at = row.state.next_send_at(get_settings().COOLDOWN) or row.now
    wait = row.wait_until(max(until, next_send_at))
    return RedemptionRefused(reason="too_many_attempts", retry_after=wait, is_spent=spent)


def _guessed_code(guess: Guess[T], row: NumberRow) -> OTPCode | None:
    if get_settings().REQUIRE_REQUEST_ID and guess.request_id is not None:
        return row.code(guess.request_id)
    newest = row.newest()
    if newest is None or guess.request_id in {None, newest.pk}:
        return newest
    return None


def _count_wrong_guess(
    guess: Guess[T], claimant: Claimant, otp_code: OTPCode, row: NumberRow
) -> GuessResult[T]:
    group, earlier = claimant.group, row.state.guesses
    # Only a code that binds is looked at beyond the caller's bound. There it must not use up
    # what the bound leaves to others: who is locked out could disable the number.
    is_within = earlier.consecutive < claimant.most(failure_budget())
    guesses = earlier.with_one(
        group,
        otp_code.short_id,
        row.now,
        otp_code.expires_at,
        in_a_row=is_within or not guess.purpose.binds,
    )
    writes = guess.address.count(row) if group == STRANGERS else []
    wrong = WrongGuess.of(row.now, otp_code.short_id, group)
    state = replace(row.state, guesses=guesses, journal=row.state.journal.with_one(wrong))
    row.replace(state, row.attempt(otp_code), *writes)
    otp_code.failed_attempts += 1
    return replace(_invalid_code(otp_code), charged_to=group)
