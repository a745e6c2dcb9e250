"""Guess -> commit -> answer."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.views.decorators.debug import sensitive_variables

from ..callers import Caller
from ..codes import match_code
from ..conf import get_settings
from ..controls import lock_on, note_redemption
from ..delivery import code_of
from ..events import event
from ..exceptions import LoginRefused
from ..models import OTPCode
from ..outcomes import Redeemed, RedemptionRefused
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..rounds import LostRound, NumberRow, in_rounds
from ..signals import code_redeemed, code_rejected, user_registered
from ..transactions import users_too
from ..users import get_user_resolver

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guess(Generic[T]):
    purpose: str
    request_id: uuid.UUID | None
    caller: Caller
    typed: str = field(repr=False)
    grant: Callable[[AbstractBaseUser], T] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    user: AbstractBaseUser | None = None
    registered: bool = False
    admitted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict(Generic[T]):
    answer: Redeemed[T] | RedemptionRefused
    otp_code: OTPCode | None = None
    account: _Account = _Account()


@sensitive_variables("code", "guess")
def redeem_code(
    code: str,
    *,
    phone_number: PhoneNumber | None = None,
    request_id: uuid.UUID | None = None,
    purpose: str = LOGIN,
    grant: Callable[[AbstractBaseUser], T] | None = None,
    ip_address: str | None = None,
    device: str | None = None,
) -> Redeemed[T] | RedemptionRefused:
    """Use up a code, and log its holder in.

    Every guess, right or wrong, is counted before it is answered. Of any number of parallel
    calls with the right code one succeeds.

    :param code: as typed; spaces, hyphens and digits of other scripts will do.
    :param phone_number: this, ``request_id`` or both; then both must match.
    :param grant: called with the user inside the consuming transaction, perhaps more than
        once. What it returns becomes ``granted``. If it raises, all is rolled back, and the
        code stays as good as it was; but for ``LoginRefused``, which spends the code.
    :param ip_address: the client's, and ``device``, an opaque text that the site gave to the
        client's device: one that redeemed a code of this number before keeps a reserve of
        guesses that strangers cannot use up.
    :raises InsideTransaction: called inside a transaction of the caller's.
    :raises InvalidSettings: the configuration is broken; the code stays good.
    :raises ValueError: ``ip_address`` is no IP address.
    """
    _check_arguments(phone_number, request_id, purpose, grant)
    guess = _Guess(
        purpose=purpose,
        request_id=request_id,
        caller=Caller.of(ip_address, device),
        typed=code,
        grant=grant,
    )
    verdict = in_rounds(
        phone_number.e164 if phone_number else None,
        lambda row: _evaluate(guess, row),
        purpose=purpose,
        request_id=request_id,
    )
    if phone_number is None and verdict.otp_code:
        phone_number = _phone_number_of(verdict.otp_code)
    _announce(verdict, phone_number, purpose)
    if isinstance(verdict.answer, Redeemed) and verdict.otp_code and phone_number:
        note_redemption(verdict.otp_code, phone_number, guess.caller)
    return verdict.answer


def _check_arguments(
    phone_number: PhoneNumber | None, request_id: uuid.UUID | None, purpose: str, grant: object
) -> None:
    if phone_number is None and request_id is None:
        raise TypeError("redeem_code() needs a phone_number or a request_id.")
    if request_id is None and get_settings().REQUIRE_REQUEST_ID:
        raise TypeError(
            "SMS_OTP['REQUIRE_REQUEST_ID'] is on: redeem_code() needs a request_id."
        )
    if grant is not None and purpose != LOGIN:
        raise TypeError("Only a login has a user to grant something to.")


def _phone_number_of(otp_code: OTPCode) -> PhoneNumber:
    return PhoneNumber(e164=otp_code.phone_number, region=otp_code.region)


@sensitive_variables("expected", "guess")
def _evaluate(guess: _Guess[T], row: NumberRow) -> _Verdict[T]:
    otp_code = _code_in_question(guess, row)
    # Before the code is looked at: of a locked number nobody learns whether a guess was right.
    if lock := lock_on(row, guess.purpose, guess.caller.tags(row.key)):
        return _Verdict(answer=_too_many(row, until=lock.until), otp_code=otp_code)
    expected = code_of(otp_code) if otp_code and otp_code.is_live(row.now) else None
    if otp_code is None or expected is None:
        return _Verdict(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)
    if otp_code.failed_attempts >= get_settings().MAX_ATTEMPTS:
        return _Verdict(answer=_too_many(row, until=row.now), otp_code=otp_code)
    if not match_code(expected, guess.typed) or otp_code.is_withheld:
        return _reject(guess, otp_code, row)
    return _accept(guess, otp_code, row)


def _too_many(row: NumberRow, *, until: datetime | None) -> RedemptionRefused:
    """Say when a new code can be asked for and redeemed; ``until``: the end of the lock."""
    if until is None:
        return RedemptionRefused(reason="too_many_attempts")
    next_send_at = row.state.next_send_at(get_settings().COOLDOWN) or row.now
    wait = row.wait_until(max(until, next_send_at))
    return RedemptionRefused(reason="too_many_attempts", retry_after=wait)


def _code_in_question(guess: _Guess[T], row: NumberRow) -> OTPCode | None:
    if get_settings().REQUIRE_REQUEST_ID and guess.request_id is not None:
        return row.code(guess.request_id)
    newest = row.newest()
    if newest is None or guess.request_id in {None, newest.pk}:
        return newest
    return None


@sensitive_variables("guess")
def _reject(guess: _Guess[T], otp_code: OTPCode, row: NumberRow) -> _Verdict[T]:
    seen = otp_code.failed_attempts
    same = row.codes.live(row.now).filter(pk=otp_code.pk, failed_attempts=seen)
    with row.replaced_by(row.state.with_failure(row.now, guess.caller.tags(row.key))):
        if not same.update(failed_attempts=seen + 1):
            raise LostRound
    otp_code.failed_attempts = seen + 1
    return _Verdict(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)


@sensitive_variables("guess")
def _accept(guess: _Guess[T], otp_code: OTPCode, row: NumberRow) -> _Verdict[T]:
    answer: Redeemed[T] | RedemptionRefused
    state = row.state.after_success(row.now, guess.caller.tags(row.key))
    with row.replaced_by(state), users_too():
        account = _account(_phone_number_of(otp_code)) if guess.purpose == LOGIN else _Account()
        _consume(otp_code, row, account.user)
        try:
            answer = _log_in(guess, otp_code, account)
        except LoginRefused:
            answer = RedemptionRefused(reason="no_active_account")
    return _Verdict(answer=answer, otp_code=otp_code, account=account)


def _account(phone_number: PhoneNumber) -> _Account:
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(phone_number)
        registered = user is None and get_settings().UNKNOWN_NUMBERS == "register"
        if registered:
            user = resolver.create_user(phone_number)
        admitted = user is not None and resolver.may_log_in(user, phone_number)
    except LoginRefused:
        return _Account()
    return _Account(user=user, registered=registered, admitted=admitted)


def _consume(otp_code: OTPCode, row: NumberRow, user: AbstractBaseUser | None) -> None:
    same = row.codes.live(row.now).filter(
        pk=otp_code.pk, failed_attempts=otp_code.failed_attempts
    )
    if not same.update(redeemed_at=row.now, user_id=user.pk if user else None):
        raise LostRound


@sensitive_variables("guess")
def _log_in(guess: _Guess[T], otp_code: OTPCode, account: _Account) -> Redeemed[T]:
    if guess.purpose == LOGIN and not account.admitted:
        raise LoginRefused
    granted = guess.grant(account.user) if guess.grant and account.user else None
    return Redeemed(
        request_id=otp_code.pk,
        user=account.user,
        registered=account.registered,
        granted=granted,
    )


def _announce(verdict: _Verdict[T], phone_number: PhoneNumber | None, purpose: str) -> None:
    common: dict[str, Any] = {"phone_number": phone_number, "purpose": purpose}
    account, answer = verdict.account, verdict.answer
    if account.registered:
        user_registered.send_robust(OTPCode, user=account.user, **common)
    common["otp_code"] = verdict.otp_code
    if isinstance(answer, Redeemed):
        said = event("code_redeemed", otp_code=verdict.otp_code, outcome="redeemed")
        logger.info("Redeemed code %s of %s.", answer.request_id, phone_number, extra=said)
        code_redeemed.send_robust(OTPCode, user=answer.user, **common)
    else:
        said = event(
            "code_rejected",
            otp_code=verdict.otp_code,
            phone_number=phone_number,
            purpose=purpose,
            outcome=answer.reason,
        )
        who = phone_number or "nobody"
        logger.info("Refused a guess for %s: %s.", who, answer.reason, extra=said)
        code_rejected.send_robust(OTPCode, reason=answer.reason, **common)
