"""Redeem a code: guess -> commit -> answer."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser

from ..conf import get_settings
from ..controls import note_redemption
from ..controls.address_guesses import AddressGuesses
from ..controls.callers import Caller
from ..controls.openings import Opening
from ..controls.refusals import log_used_up
from ..db import change_number
from ..delivery import send_feedback
from ..limits.failures import STRANGERS
from ..limits.keys import FAILURES_IP
from ..logs import log_fields, short_id
from ..masked import MaskedText
from ..models import OTPCode
from ..phone import PhoneNumber
from ..purposes import LOGIN, Purpose, write_context
from ..results import Redeemed, RedemptionRefused
from ..signals import code_redeemed, code_rejected, user_registered
from .arguments import (
    check_grant,
    check_number,
    check_texts,
    check_user,
    purpose_of,
    request_id_of,
)
from .gateway_check import check_with_gateway
from .guess import Guess, GuessResult
from .guesses import evaluate
from .site_check import accept_with_site

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


def redeem_code(
    code: str,
    *,
    phone_number: PhoneNumber | None = None,
    request_id: uuid.UUID | str | None = None,
    purpose: str = LOGIN,
    context: Mapping[str, str] | None = None,
    grant: Callable[[Any], T] | None = None,
    grant_writes: bool = True,
    grant_to_new: Callable[[Any], T] | None = None,
    user: AbstractBaseUser | None = None,
    ip_address: str | None = None,
    device: str | None = None,
) -> Redeemed[T] | RedemptionRefused:
    """Use up a code, and do what it authorises.

    Every guess, right or wrong, is counted before it is answered. Of any number of parallel
    calls with the right code, one succeeds. If a gateway made the code, the gateway checks the
    guess: the guess is first counted as wrong, then the gateway is asked outside any
    transaction.

    Wrong guesses are counted by groups of callers: who asked for the code, who brings its
    ``request_id``, who redeemed a code of the number before, and strangers. No group can spend
    the guesses of another one. So pass ``request_id``, ``ip_address`` and ``device`` where you
    have them.

    :param code: the code as typed. Spaces, hyphens and digits of other scripts are allowed.
    :param phone_number: the number of the code. Give this, ``request_id`` or both; if both are
        given, both must match.
    :param purpose: what the code authorises: see ``PURPOSES``.
    :param context: what the code is bound to. With any other context than that of the request,
        it is a wrong code.
    :param grant: called inside the transaction that uses up the code, perhaps more than once:
        with the user of a login, and for another purpose with ``None``. Its result becomes
        ``granted``. If it raises ``LoginRefused``, the code is used up. If it raises another
        error, everything is rolled back and the code stays valid, unless its gateway has spent
        it.
    :param grant_writes: ``False`` if ``grant`` writes nothing that must be rolled back. It is
        then called before the transaction, which holds its locks for a shorter time.
    :param grant_to_new: called instead of ``grant`` if this login creates the account.
    :param user: whose action the code confirms, if its purpose logs nobody in. ``NUMBER_RISK``
        then assesses the number for this user, as it does for a login.
    :param ip_address: the address of the client.
    :param device: an opaque text that the site gave to the client's device.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises InvalidSettings: the configuration is broken. The code stays valid.
    :raises Unavailable: the gateway that made the code did not check the guess, or the site's
        ``NUMBER_RISK`` failed.
    :raises TypeError: an argument is missing, or has another type. Nothing was counted.
    :raises ValueError: ``ip_address`` is not an IP address, ``PURPOSES`` lacks ``purpose``, or
        ``request_id`` or ``context`` is malformed. Nothing was counted.
    """
    request_id = request_id_of(request_id)
    given, code = type(code), MaskedText(code)
    _check_code(given)
    check_texts(ip_address=ip_address, device=device)
    _check_arguments(phone_number, request_id, grant, grant_to_new)
    declared = purpose_of(purpose)
    _check_user(user, declared)
    caller = Caller.of(ip_address, device)
    guess = Guess(
        purpose=declared,
        context=write_context(context),
        request_id=request_id,
        caller=caller,
        # Who names the code by its id alone is no stranger to it.
        address=AddressGuesses(caller if phone_number else Caller()),
        opening=Opening(purpose=declared, ip_address=ip_address, device=device),
        typed=code,
        grant=grant,
        grant_writes=grant_writes,
        grant_to_new=grant_to_new,
        user=user,
    )
    result = _decided(guess, _evaluate_and_commit(guess, phone_number))
    if phone_number is None and result.otp_code:
        phone_number = result.otp_code.number
    _announce(result, phone_number, purpose)
    if phone_number and guess.address.are_used_up:
        log_used_up(FAILURES_IP, phone_number)
    if isinstance(result.answer, Redeemed) and result.otp_code and not result.otp_code.is_test:
        note_redemption(result.otp_code, guess.caller)
        send_feedback(result.otp_code)
    return result.answer


def _check_code(given: type) -> None:
    if not issubclass(given, str):
        # A number has lost its leading zeros. The error must not show the code.
        raise TypeError(f"code must be a str, as typed, not {given.__name__}.")


def _check_user(user: AbstractBaseUser | None, purpose: Purpose) -> None:
    if user is None:
        return
    check_user(user)
    if purpose.opens_account:
        raise TypeError("The number says whose login it is: pass no user.")


def _check_arguments(
    phone_number: PhoneNumber | None, request_id: uuid.UUID | None, *grants: object
) -> None:
    if phone_number is not None:
        check_number(phone_number)
    if phone_number is None and request_id is None:
        raise TypeError("redeem_code() needs a phone_number or a request_id.")
    if request_id is None and get_settings().REQUIRE_REQUEST_ID:
        raise TypeError(
            "SMS_OTP['REQUIRE_REQUEST_ID'] is on: redeem_code() needs a request_id."
        )
    for grant in grants:
        check_grant(grant)


def _evaluate_and_commit(guess: Guess[T], phone_number: PhoneNumber | None) -> GuessResult[T]:
    counted_for = ""
    try:
        result = change_number(
            phone_number.e164 if phone_number else None,
            lambda row: evaluate(guess, row),
            purpose=guess.purpose.name,
            context=guess.context,
            shared=guess.address.row_keys,
            request_id=guess.request_id,
        )
        counted_for = result.charged_to
        return result
    finally:
        if counted_for != STRANGERS:
            guess.address.release()


def _decided(guess: Guess[T], result: GuessResult[T]) -> GuessResult[T]:
    """Ask the site or the gateway, where the answer is theirs."""
    if result.otp_code and result.is_right:
        return accept_with_site(guess, result.otp_code)
    if result.otp_code and result.charged_at:
        return check_with_gateway(guess, result, result.otp_code, result.charged_at)
    return result


def _announce(result: GuessResult[T], phone_number: PhoneNumber | None, purpose: str) -> None:
    common: dict[str, Any] = {"phone_number": phone_number, "purpose": purpose}
    if result.registered is not None:
        user_registered.send_robust(OTPCode, user=result.registered, **common)
    common["otp_code"] = result.otp_code
    answer = result.answer
    if isinstance(answer, Redeemed):
        extra = log_fields("code_redeemed", otp_code=result.otp_code, outcome="redeemed")
        name = short_id(answer.request_id)
        logger.info("Redeemed code %s of %s.", name, phone_number, extra=extra)
        code_redeemed.send_robust(OTPCode, user=answer.user, **common)
    else:
        extra = log_fields(
            "code_rejected",
            otp_code=result.otp_code,
            phone_number=phone_number,
            purpose=purpose,
            outcome=answer.reason,
        )
        who = phone_number or "nobody"
        logger.info("Refused a guess for %s: %s.", who, answer.reason, extra=extra)
        code_rejected.send_robust(OTPCode, reason=answer.reason, **common)
