"""Asks the gateway that made a code whether a guess is right, and writes its answer down.

The guess is counted and committed already, and no transaction is open: a gateway may take its
time, and a process that is killed meanwhile leaves a counted guess. The gateway spends its code
by saying yes. If that answer is lost, so is the code, and the person asks for a new one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from django.views.decorators.debug import sensitive_variables

from ..auth.users import get_user_resolver
from ..backends import CodeCheck, ask_gateway
from ..codes import normalise_code
from ..db import change_number
from ..delivery.queues import is_queued
from ..exceptions import DeliveryError, DeliveryRefused, NotDelivered, Unavailable
from ..logs import log_fields
from ..models import OTPCode
from ..purposes import LOGIN
from ..results import RedemptionRefused
from .guesses import Guess, GuessResult, accept_approved, give_back

__all__ = ["check_with_gateway"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


@sensitive_variables("guess")
def check_with_gateway(
    guess: Guess[T], result: GuessResult[T], otp_code: OTPCode, charged_at: datetime
) -> GuessResult[T]:
    """Have a charged guess evaluated by its code's gateway.

    :raises Unavailable: the gateway did not say. The attempt stays counted, unless the gateway
        has certainly not looked at it.
    """
    if guess.purpose == LOGIN:
        # A resolver that cannot be loaded says so before the gateway spends the code.
        get_user_resolver()
    try:
        is_right = _ask(guess, otp_code)
    except DeliveryRefused as error:
        said = _log_extra(otp_code, error)
        logger.info("The gateway refused code %s: %s", otp_code.pk, error, extra=said)
        if is_queued():
            return result  # Of a withheld code the gateway would not have said so.
        answer = RedemptionRefused(reason="too_many_attempts", retry_after=error.retry_after)
        return replace(result, answer=answer)
    except NotDelivered as error:
        change_number(otp_code.phone_number, lambda row: give_back(otp_code, charged_at, row))
        raise _unavailable(otp_code, error) from None
    except DeliveryError as error:
        raise _unavailable(otp_code, error) from None
    # A withheld code is asked for too: whose message was withheld must not show by the time.
    if not is_right or otp_code.is_withheld:
        return result
    return change_number(
        otp_code.phone_number,
        lambda row: accept_approved(guess, otp_code, row),
        purpose=guess.purpose,
    )


@sensitive_variables("guess", "check")
def _ask(guess: Guess[T], otp_code: OTPCode) -> bool:
    check = CodeCheck(
        to=otp_code.phone_number,
        typed=normalise_code(guess.typed),
        purpose=guess.purpose,
        request_id=otp_code.pk,
        message_id=otp_code.message_id,
        channel=otp_code.channel,
        region=otp_code.region,
    )
    return ask_gateway(check, otp_code.backend)


def _unavailable(otp_code: OTPCode, error: DeliveryError) -> Unavailable:
    needs_attention = isinstance(error, NotDelivered) and error.needs_attention
    level = logging.ERROR if needs_attention else logging.WARNING
    logger.log(
        level,
        "Code %s was not checked by %r: %s",
        *(otp_code.pk, error.alias, error),
        extra=_log_extra(otp_code, error),
    )
    if isinstance(error, NotDelivered):
        return Unavailable("The gateway did not check.", retry_after=error.retry_after)
    return Unavailable("The gateway did not answer.")


def _log_extra(otp_code: OTPCode, error: DeliveryError) -> Mapping[str, Any]:
    return log_fields(
        "guess_not_checked",
        otp_code=otp_code,
        outcome=error.outcome,
        error_code=error.error_code,
    )
