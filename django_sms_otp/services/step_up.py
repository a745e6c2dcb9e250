"""Step-up: who is logged in proves anew to hold a number of their account.

The code goes to a number that the account has already, whatever the caller writes. It is bound
to the account: in the session of another one, it is a wrong code.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ..auth.last_use import move_last_use
from ..auth.users import get_user_resolver
from ..conf import get_settings
from ..exceptions import PhoneNumberError
from ..purposes import STEP_UP
from ..results import (
    LinkedNumber,
    Redeemed,
    RedemptionRefused,
    RequestRefused,
    StepUpRequested,
)
from .arguments import bound_to, check_grant, check_number_id
from .numbers import find, numbers_of
from .phone_numbers import read_phone_number
from .redeem import redeem_code
from .request import request_code

__all__ = ["confirm_step_up", "request_step_up"]


class _NumberGoneError(Exception):
    """The number has left the account since its code was looked at."""


def request_step_up(
    user: AbstractBaseUser,
    number_id: str | None = None,
    *,
    channel: str | None = None,
    request_id: uuid.UUID | str | None = None,
    ip_address: str | None = None,
    device: str | None = None,
    challenge: str | None = None,
) -> StepUpRequested | RequestRefused:
    """Send a code to one of the user's own numbers.

    The other arguments, the limits and the errors are those of :func:`~.request.request_code`.

    :param number_id: the ``id`` of one of :func:`~.numbers.numbers_of`; by default the primary
        one. Any other is ``not_found``, and so is the default of a user without a number.
    :raises TypeError: ``user`` is no user, or is not saved yet; or ``number_id`` is no text.
    """
    number = _own_number(user, number_id)
    if number is None:
        return RequestRefused(reason="not_found")
    try:
        # The site may send to its country no more.
        phone_number = read_phone_number(number.phone_number, to_send=True, channel=channel)
    except PhoneNumberError as error:
        return RequestRefused(reason=error.code)
    outcome = request_code(
        phone_number,
        purpose=STEP_UP,
        context=bound_to(user),
        channel=channel,
        request_id=request_id,
        ip_address=ip_address,
        device=device,
        challenge=challenge,
    )
    if isinstance(outcome, RequestRefused):
        return outcome
    return StepUpRequested(number=number, code=outcome)


def confirm_step_up(
    user: AbstractBaseUser,
    code: str,
    *,
    number_id: str | None = None,
    request_id: uuid.UUID | str | None = None,
    grant: Callable[[AbstractBaseUser], Any] | None = None,
    is_login: bool = False,
    ip_address: str | None = None,
    device: str | None = None,
) -> Redeemed[Any] | RedemptionRefused:
    """Use up the code of :func:`request_step_up`, if the number is the user's still.

    Keep the proof afterwards: ``auth.sessions.note_verified(request)``.

    :param number_id: as for the request. Any other is ``not_found``, and no guess is counted.
    :param grant: called with ``user`` inside the transaction that uses up the code, perhaps
        more than once. Its result becomes ``granted``, and its errors are those of
        :func:`~.redeem.redeem_code`.
    :param is_login: whether ``grant`` logs the user in anew. Whoever may not log in by SMS is
        then ``no_active_account``, and no guess is counted.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: an argument has another type. Nothing was counted.
    :raises Unavailable: the gateway that made the code did not check the guess, or the site's
        ``NUMBER_RISK`` failed.
    """
    check_grant(grant)
    number = _own_number(user, number_id)
    resolver = get_user_resolver()
    if number is None:
        return RedemptionRefused(reason="not_found")
    if is_login and not resolver.may_log_in(user, number.phone_number):
        # Otherwise a token that is live could be renewed without end, whomever the site bans.
        return RedemptionRefused(reason="no_active_account")

    def confirm(_: object) -> Any:
        # A removal replaces the number's row, as this does: it is over by now, or comes after.
        numbers = resolver.numbers_of(user, for_update=True)
        if all(each.phone_number.e164 != number.phone_number.e164 for each in numbers):
            raise _NumberGoneError
        # Who is logged in and has the number has proved as much as by binding it. Where no code
        # is fixed, that was a message, and its holder is a person. Where one is, staff get a
        # message too, but a number that a setting names is no proof of staff.
        e164 = number.phone_number.e164
        is_test = False if get_settings().test_code(e164) is None else None
        move_last_use(user, e164, timezone.now(), is_test=is_test)
        return grant(user) if grant else None

    try:
        return redeem_code(
            code,
            phone_number=number.phone_number,
            request_id=request_id,
            purpose=STEP_UP,
            context=bound_to(user),
            grant=confirm,
            user=user,
            ip_address=ip_address,
            device=device,
        )
    except _NumberGoneError:
        return RedemptionRefused(reason="not_found")


def _own_number(user: AbstractBaseUser, number_id: str | None) -> LinkedNumber | None:
    numbers = numbers_of(user)
    if number_id is not None:
        check_number_id(number_id)
        return find(numbers, number_id)
    return numbers[0] if numbers else None
