"""Link a number to a user who proves to hold it: one more, or one in place of another.

The code is bound to the account: redeemed for another one, it is a wrong code. What it confirms
and its end are one commit. So of several users who prove one number at the same time, one gets
it, and the codes of the others end with that: the last proof that was asked for after it wins.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ..auth.users import get_user_resolver, is_shown
from ..conf import get_settings
from ..db import database_alias, lock_users
from ..exceptions import LoginRefused, PhoneNumberTaken
from ..models import OTPCode, VerifiedPhone
from ..phone import PhoneNumber
from ..purposes import VERIFY_PHONE
from ..results import (
    CodeRequested,
    LinkedNumber,
    NumberLinked,
    NumberRefused,
    RedemptionRefused,
    RequestRefused,
)
from ..signals import number_linked, number_moved, number_unlinked
from . import notices
from .arguments import bound_to, check_number, check_texts, check_user
from .numbers import NOT_FOUND, find, log_change
from .redeem import redeem_code
from .request import request_code

__all__ = ["link_number", "request_link_code"]

TAKEN = NumberRefused(reason="phone_number_taken")


class ReplacedIsGone(Exception):
    """The number to replace was removed meanwhile. Rolls everything back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """What one transaction has written.

    :param before: the user's numbers before.
    :param previous_user: whom the number was taken from.
    :param left_to_previous: the numbers that this user has left.
    """

    number: LinkedNumber
    before: list[LinkedNumber]
    replaced: LinkedNumber | None
    previous_user: AbstractBaseUser | None
    left_to_previous: list[LinkedNumber]


def request_link_code(
    user: AbstractBaseUser,
    phone_number: PhoneNumber,
    *,
    channel: str | None = None,
    request_id: uuid.UUID | str | None = None,
    ip_address: str | None = None,
    device: str | None = None,
    challenge: str | None = None,
) -> CodeRequested | RequestRefused:
    """Send a code by which ``user`` can prove to hold a number.

    It does not tell whether the number has an account. The arguments, limits and errors are
    those of :func:`~.request.request_code`.

    :raises TypeError: ``user`` is no user, or is not saved yet.
    """
    return request_code(
        phone_number,
        purpose=VERIFY_PHONE,
        context=bound_to(user),
        channel=channel,
        request_id=request_id,
        ip_address=ip_address,
        device=device,
        challenge=challenge,
    )


def link_number(
    user: AbstractBaseUser,
    code: str,
    *,
    phone_number: PhoneNumber,
    replaces: str | None = None,
    request_id: uuid.UUID | str | None = None,
    ip_address: str | None = None,
    device: str | None = None,
) -> NumberLinked | NumberRefused:
    """Let a number open a user's account, if the code of :func:`request_link_code` is right.

    A user's first number is their primary one. A number of theirs is verified anew. A number
    of somebody else moves or is refused, as ``NUMBER_TAKEN`` says; an inactive or hidden user
    keeps it in any case.

    Ask for a fresh proof before you call this: see ``auth.step_up``.

    :param replaces: the ``id`` of one of the user's numbers, which ends with this. Any other
        is ``not_found``, and no guess is counted. An empty text, as of a form's empty field,
        is none.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: an argument has another type. Nothing was counted.
    :raises Unavailable: the gateway that made the code did not check the guess, or the site's
        ``NUMBER_RISK`` failed.
    """
    check_user(user)
    check_number(phone_number)
    check_texts(replaces=replaces)
    replaces = replaces or None
    own = get_user_resolver().numbers_of(user)
    if replaces is not None and not find(own, replaces):
        return NOT_FOUND
    # To verify a number anew is the way back for one that was found risky.
    is_own = any(each.phone_number.e164 == phone_number.e164 for each in own)
    try:
        outcome = redeem_code(
            code,
            phone_number=phone_number,
            request_id=request_id,
            purpose=VERIFY_PHONE,
            context=bound_to(user),
            grant=lambda _: _link(user, phone_number, replaces),
            user=None if is_own else user,
            ip_address=ip_address,
            device=device,
        )
    except ReplacedIsGone:
        return NOT_FOUND
    if isinstance(outcome, RedemptionRefused):
        return NumberRefused(
            reason=outcome.reason,
            retry_after=outcome.retry_after,
            is_spent=outcome.is_spent,
        )
    link = outcome.granted
    if link is None:
        return TAKEN
    _announce(user, link)
    return NumberLinked(number=link.number, replaced=link.replaced)


def _link(
    user: AbstractBaseUser, phone_number: PhoneNumber, replaces: str | None
) -> _Link | None:
    """Link a number in the transaction that has replaced its row and used up the code.

    Return ``None`` if the number stays with its account.
    """
    resolver = get_user_resolver()
    holder = resolver.holder_of(phone_number)
    locked = lock_users({user.pk, holder} - {None})
    if user.pk not in locked:
        raise LoginRefused("The user was deleted meanwhile.")
    previous = locked.get(holder) if holder != user.pk else None
    if previous is not None and _keeps_its_numbers(previous):
        return None
    before = resolver.numbers_of(user, for_update=True)
    replaced = _replaced(before, replaces, phone_number)
    try:
        resolver.link_number(user, phone_number, replaced=replaced)
    except PhoneNumberTaken:
        return None
    _end_codes(phone_number, has_moved=holder != user.pk)
    after = resolver.numbers_of(user, for_update=True)
    return _Link(
        number=next(each for each in after if each.phone_number.e164 == phone_number.e164),
        before=before,
        replaced=_gone(before, after),
        previous_user=previous,
        left_to_previous=resolver.numbers_of(previous, for_update=True) if previous else [],
    )


def _keeps_its_numbers(user: AbstractBaseUser) -> bool:
    """Tell whether nobody can take a number from a user by proving to hold it.

    A site locks people out by their numbers, and an account that is to come back needs them.
    """
    is_refused = get_settings().NUMBER_TAKEN == "refuse"
    return is_refused or not user.is_active or not is_shown(user)


def _replaced(
    numbers: list[LinkedNumber], number_id: str | None, phone_number: PhoneNumber
) -> LinkedNumber | None:
    """Return the number to replace; ``None`` if it is the new one itself.

    :raises ReplacedIsGone: the user does not have it any more.
    """
    if number_id is None:
        return None
    found = find(numbers, number_id)
    if found is None:
        raise ReplacedIsGone
    return None if found.phone_number == phone_number else found


def _gone(before: list[LinkedNumber], after: list[LinkedNumber]) -> LinkedNumber | None:
    kept = {number.phone_number.e164 for number in after}
    return next((each for each in before if each.phone_number.e164 not in kept), None)


def _end_codes(phone_number: PhoneNumber, *, has_moved: bool) -> None:
    """End the codes by which others could still prove this number.

    They were sent before it was linked, and so prove nothing about who holds it from now on.

    :param has_moved: the number was not this user's. Then the codes of all purposes end: one
        for a login would open the account of its new holder to whoever has read it before.
    """
    codes = OTPCode.objects.using(database_alias()).filter(phone_number=phone_number.e164)
    ended = codes if has_moved else codes.filter(purpose=VERIFY_PHONE)
    ended.end(timezone.now())


def _announce(user: AbstractBaseUser, link: _Link) -> None:
    phone_number, replaced = link.number.phone_number, link.replaced
    carried: dict[str, Any] = {"user": user, "phone_number": phone_number}
    if link.previous_user is not None:
        log_change(phone_number, "moved")
        number_moved.send_robust(VerifiedPhone, previous_user=link.previous_user, **carried)
    log_change(phone_number, "linked")
    number_linked.send_robust(
        VerifiedPhone, replaced=replaced and replaced.phone_number, **carried
    )
    if replaced is not None:
        log_change(replaced.phone_number, "replaced")
        number_unlinked.send_robust(
            VerifiedPhone, user=user, phone_number=replaced.phone_number
        )
    notices.tell_of_link(link.number, link.before, replaced)
    if link.previous_user is not None:
        notices.tell_of_move(phone_number, link.left_to_previous)
