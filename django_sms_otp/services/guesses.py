"""One round of a guess: what a number's row and its codes say to it, and what is written."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import F
from django.views.decorators.debug import sensitive_variables

from ..auth.users import get_user_resolver
from ..backends import BaseSMSBackend, code_issuing_backend
from ..codes import match_code, normalise_code
from ..conf import get_settings
from ..controls import lock_on
from ..controls.callers import Caller
from ..db.rounds import NumberRow
from ..db.statements import consume_code, count_attempt
from ..db.transactions import users_too
from ..db.writes import Write
from ..delivery import code_of
from ..exceptions import LoginRefused
from ..models import OTPCode
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..results import Redeemed, RedemptionRefused

__all__ = [
    "Guess",
    "Verdict",
    "accept_approved",
    "evaluate",
    "give_back",
    "is_spent",
    "phone_number_of",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Generic[T]):
    """What somebody has typed, and what they get for it. Its ``repr`` does not show it."""

    purpose: str
    request_id: uuid.UUID | None
    caller: Caller
    typed: str = field(repr=False)
    grant: Callable[[AbstractBaseUser], T] | None
    grant_writes: bool

    @property
    def is_granted_first(self) -> bool:
        """Whether what a login yields is made before anything is written: then nobody waits for
        it with rows locked. Not what has to be rolled back with the rest."""
        if self.purpose != LOGIN:
            return True
        if self.grant_writes and self.grant:
            return False
        return not get_user_resolver().may_log_in_writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose number it is; ``registered``: since this login."""

    user: AbstractBaseUser | None = None
    registered: bool = False


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """What a round has come to, and committed.

    :param charged_at: when an attempt was counted that the gateway has yet to evaluate.
        ``answer`` is then what holds unless the gateway says that the guess is right.
    """

    answer: Redeemed[T] | RedemptionRefused
    otp_code: OTPCode | None = None
    account: Account = Account()
    charged_at: datetime | None = None


def phone_number_of(otp_code: OTPCode) -> PhoneNumber:
    return PhoneNumber(e164=otp_code.phone_number, region=otp_code.region)


def is_spent(otp_code: OTPCode, maker: BaseSMSBackend | None) -> bool:
    """Tell whether a code has taken all its wrong guesses.

    :param maker: the backend whose gateway has made it, if one has.
    """
    most = get_settings().MAX_ATTEMPTS
    if maker and maker.most_guesses:
        # Of a code that was withheld the gateway knows nothing, and would never say that it is
        # spent: so we say it first, of all alike.
        most = min(most, maker.most_guesses)
    return otp_code.failed_attempts >= most


@sensitive_variables("expected", "guess")
def evaluate(guess: Guess[T], row: NumberRow) -> Verdict[T]:
    otp_code = _code_in_question(guess, row)
    # Before the code is looked at: of a locked number nobody learns whether a guess was right.
    if lock := lock_on(row, guess.purpose, guess.caller):
        return Verdict(answer=_too_many(row, until=lock.until), otp_code=otp_code)
    expected = code_of(otp_code) if otp_code and otp_code.is_live(row.now) else None
    if otp_code is None or expected is None:
        return Verdict(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)
    maker = code_issuing_backend(otp_code.backend)
    if is_spent(otp_code, maker):
        return Verdict(answer=_too_many(row, until=row.now), otp_code=otp_code)
    if maker:
        return _charge(guess, otp_code, row)
    if not match_code(expected, guess.typed) or otp_code.is_withheld:
        return _reject(guess, otp_code, row)
    return _accept(guess, otp_code, row)


@sensitive_variables("guess")
def accept_approved(guess: Guess[T], charged: OTPCode, row: NumberRow) -> Verdict[T]:
    """Use up a code of which its gateway has said that the guess is right.

    The gateway was asked outside of any transaction: meanwhile another request may have used
    the code up, or superseded it.
    """
    otp_code = _code_in_question(guess, row)
    if otp_code is None or otp_code.pk != charged.pk or not otp_code.is_live(row.now):
        return Verdict(answer=RedemptionRefused(reason="invalid_code"), otp_code=charged)
    return _accept(guess, otp_code, row, charged=1)


def give_back(charged: OTPCode, charged_at: datetime, row: NumberRow) -> None:
    """Take an attempt back that the gateway has not looked at."""
    seen = F("failed_attempts")
    with row.replaced_by(row.state.without_failure(charged_at)):
        rows = OTPCode.objects.using(row.alias).filter(pk=charged.pk, failed_attempts__gt=0)
        rows.update(failed_attempts=seen - 1)


def _too_many(row: NumberRow, *, until: datetime | None) -> RedemptionRefused:
    """Say when a new code can be asked for and redeemed; ``until``: the end of the lock."""
    if until is None:
        return RedemptionRefused(reason="too_many_attempts")
    next_send_at = row.state.next_send_at(get_settings().COOLDOWN) or row.now
    wait = row.wait_until(max(until, next_send_at))
    return RedemptionRefused(reason="too_many_attempts", retry_after=wait)


def _code_in_question(guess: Guess[T], row: NumberRow) -> OTPCode | None:
    if get_settings().REQUIRE_REQUEST_ID and guess.request_id is not None:
        return row.code(guess.request_id)
    newest = row.newest()
    if newest is None or guess.request_id in {None, newest.pk}:
        return newest
    return None


@sensitive_variables("guess")
def _reject(guess: Guess[T], otp_code: OTPCode, row: NumberRow) -> Verdict[T]:
    seen = otp_code.failed_attempts
    row.replace(
        row.state.with_failure(row.now, guess.caller.tags(row.key)),
        row.change(otp_code, count_attempt, seen=seen, failed_attempts=seen + 1),
    )
    otp_code.failed_attempts = seen + 1
    return Verdict(answer=RedemptionRefused(reason="invalid_code"), otp_code=otp_code)


@sensitive_variables("guess")
def _charge(guess: Guess[T], otp_code: OTPCode, row: NumberRow) -> Verdict[T]:
    """Count a guess as wrong before the gateway is asked: a process that is killed in between
    leaves no free guess behind."""
    verdict = _reject(guess, otp_code, row)
    if len(normalise_code(guess.typed)) != otp_code.code_length:
        return verdict  # No code of the gateway's: it need not be asked.
    return replace(verdict, charged_at=row.now)


@sensitive_variables("guess")
def _accept(
    guess: Guess[T], otp_code: OTPCode, row: NumberRow, *, charged: int = 0
) -> Verdict[T]:
    state = row.state.after_success(row.now, guess.caller.tags(row.key))
    phone_number = phone_number_of(otp_code)
    # Looked up before the transaction begins, which then needs no answer but that it has won.
    account = _account(phone_number) if guess.purpose == LOGIN else Account()
    writes = [] if account is None else [_consumption(otp_code, row, account.user, charged)]
    if account and guess.is_granted_first:
        answer = _log_in(guess, otp_code, account)
        row.replace(state, *writes)
        return Verdict(answer=answer, otp_code=otp_code, account=account)
    with row.replaced_by(state, *writes), users_too():
        if account is None:
            account = _registered(phone_number)
            row.write(_consumption(otp_code, row, account.user, charged))
        answer = _log_in(guess, otp_code, account)
    return Verdict(answer=answer, otp_code=otp_code, account=account)


def _account(phone_number: PhoneNumber) -> Account | None:
    """Return whose number it is; ``None``: of nobody yet, who is to be registered."""
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(phone_number)
        if user is None:
            return None if get_settings().UNKNOWN_NUMBERS == "register" else Account()
        return Account(user=user)
    except LoginRefused:
        return Account()


def _registered(phone_number: PhoneNumber) -> Account:
    try:
        user = get_user_resolver().create_user(phone_number)
    except LoginRefused:
        return Account()
    return Account(user=user, registered=True)


def _consumption(
    otp_code: OTPCode, row: NumberRow, user: AbstractBaseUser | None, charged: int
) -> Write:
    """Return what marks a code as redeemed; ``charged``: how often this guess was counted as
    wrong."""
    seen = otp_code.failed_attempts
    return row.change(
        otp_code,
        consume_code,
        seen=seen,
        failed_attempts=seen - charged,
        redeemed_at=row.now,
        user_id=user.pk if user else None,
    )


@sensitive_variables("guess")
def _log_in(
    guess: Guess[T], otp_code: OTPCode, account: Account
) -> Redeemed[T] | RedemptionRefused:
    refused = RedemptionRefused(reason="no_active_account")
    if guess.purpose == LOGIN and not _may_log_in(account.user, phone_number_of(otp_code)):
        return refused
    try:
        granted = guess.grant(account.user) if guess.grant and account.user else None
    except LoginRefused:
        return refused
    return Redeemed(
        request_id=otp_code.pk,
        user=account.user,
        registered=account.registered,
        granted=granted,
    )


def _may_log_in(user: AbstractBaseUser | None, phone_number: PhoneNumber) -> bool:
    return user is not None and get_user_resolver().may_log_in(user, phone_number)
