"""Asks the gateway that made a code whether a guess is right, and records its answer.

The guess is counted and committed before the gateway is asked, and no transaction is open: a
gateway may be slow, and a process that is killed meanwhile must not leave a free guess.

When the gateway accepts a guess, it spends its code. If that answer is lost, the person must
ask for a new code.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from ..auth.users import get_user_resolver
from ..backends import CodeCheck, ask_gateway
from ..codes import normalise_code
from ..db import change_number
from ..delivery.queues import is_queued
from ..exceptions import DeliveryError, DeliveryRefused, NotDelivered, Unavailable
from ..logs import log_fields, short_id
from ..models import OTPCode
from ..results import RedemptionRefused
from .guess import Guess, GuessResult
from .guesses import give_back
from .site_check import accept_with_site

__all__ = ["check_with_gateway"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


def check_with_gateway(
    guess: Guess[T], result: GuessResult[T], otp_code: OTPCode, charged_at: datetime
) -> GuessResult[T]:
    """Ask the gateway of a code to evaluate a guess that was counted as wrong.

    :param charged_at: when the guess was counted.
    :raises Unavailable: the gateway gave no answer. The guess stays counted, unless the gateway
        certainly did not evaluate it.
    """
    # A class that cannot be loaded must fail before the gateway spends the code.
    guess.opening.load()
    if guess.purpose.opens_account:
        get_user_resolver()
    try:
        is_right = _ask(guess, otp_code)
    except DeliveryRefused as error:
        extra = _log_extra(otp_code, error)
        name = short_id(otp_code.pk)
        logger.info("The gateway refused code %s: %s", name, error, extra=extra)
        if is_queued():
            # The gateway does not know a withheld code, and would not refuse it. So this answer
            # would tell that the code was not withheld.
            return result
        answer = RedemptionRefused(reason="too_many_attempts", retry_after=error.retry_after)
        return replace(result, answer=answer)
    except NotDelivered as error:
        group = result.charged_to
        change_number(
            otp_code.number.e164, lambda row: give_back(otp_code, group, charged_at, row)
        )
        raise _unavailable(otp_code, error) from None
    except DeliveryError as error:
        raise _unavailable(otp_code, error) from None
    # The gateway is asked about a withheld code too. So the time of the answer does not tell
    # that the message was withheld.
    if not is_right or otp_code.is_withheld:
        return result
    return accept_with_site(guess, otp_code)


def _ask(guess: Guess[T], otp_code: OTPCode) -> bool:
    check = CodeCheck(
        to=otp_code.number.e164,
        typed=normalise_code(guess.typed),
        purpose=guess.purpose.name,
        request_id=otp_code.pk,
        message_id=otp_code.message_id,
        channel=otp_code.channel,
        region=otp_code.region,
    )
    return ask_gateway(check, otp_code.backend)


def _unavailable(otp_code: OTPCode, error: DeliveryError) -> Unavailable:
    text, values = (
        "Code %s was not checked by %r: %s",
        (short_id(otp_code.pk), error.alias, error),
    )
    logger.log(error.log_level, text, *values, extra=_log_extra(otp_code, error))
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
