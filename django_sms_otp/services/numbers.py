"""The numbers of a user: list them, remove one, choose the primary one.

Each change replaces the row of its number first, then locks the user. So changes of one number
wait for each other, and so do changes of one account. A login beside a removal either was
before it, or does not find the account.

Ask for a fresh proof before you call what changes something: see ``auth.step_up``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.contrib.auth.base_user import AbstractBaseUser

from ..auth.users import get_user_resolver, is_guarded
from ..db import NumberRow, change_number, lock_users, users_too
from ..exceptions import LastWayIn
from ..logs import log_fields
from ..models import VerifiedPhone
from ..phone import PhoneNumber
from ..results import LinkedNumber, NumberRefused
from ..signals import number_unlinked
from . import notices
from .arguments import check_number_id, check_user

__all__ = [
    "announce_removal",
    "find",
    "log_change",
    "make_primary",
    "numbers_of",
    "unlink_number",
]

logger = logging.getLogger("django_sms_otp")

Change = Callable[[AbstractBaseUser, LinkedNumber, list[LinkedNumber]], None]
"""Writes what becomes of one number of a user, given all of them."""

NOT_FOUND = NumberRefused(reason="not_found")


def numbers_of(user: AbstractBaseUser) -> list[LinkedNumber]:
    """Return the numbers that open an account, the primary one first.

    :raises TypeError: ``user`` is no user, or is not saved yet.
    """
    check_user(user)
    return get_user_resolver().numbers_of(user)


def unlink_number(
    user: AbstractBaseUser, number_id: str, *, force: bool = False
) -> LinkedNumber | NumberRefused:
    """Take a number from a user. It opens the account no more.

    If it was the primary one, the oldest of the others becomes primary. Sessions and tokens
    stay valid. The last number of a user who cannot log in without it, or who is guarded by
    ``GUARD_STAFF_NUMBERS`` and could add no other one, is refused with ``last_way_in``.

    :param number_id: the ``id`` of one of :func:`numbers_of`. Any other is ``not_found``.
    :param force: remove the last number too.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: ``user`` is no user, or is not saved yet; or ``number_id`` is no text.
    """
    resolver = get_user_resolver()

    def unlink(
        locked: AbstractBaseUser, number: LinkedNumber, numbers: list[LinkedNumber]
    ) -> None:
        is_needed = is_guarded(locked) or not resolver.has_other_way_in(locked)
        if len(numbers) == 1 and is_needed and not force:
            raise LastWayIn("The user would be locked out without the number.")
        resolver.unlink_number(locked, number)

    outcome = _change(user, number_id, unlink)
    if isinstance(outcome, LinkedNumber):
        log_change(outcome.phone_number, "removed")
        announce_removal(user, outcome)
    return outcome


def announce_removal(user: AbstractBaseUser, number: LinkedNumber) -> None:
    """Tell the site and the number itself, after the commit, that it opens no account more."""
    number_unlinked.send_robust(VerifiedPhone, user=user, phone_number=number.phone_number)
    notices.tell_of_removal(number)


def make_primary(user: AbstractBaseUser, number_id: str) -> LinkedNumber | NumberRefused:
    """Make one of a user's numbers the main one.

    :param number_id: the ``id`` of one of :func:`numbers_of`. Any other is ``not_found``.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: ``user`` is no user, or is not saved yet; or ``number_id`` is no text.
    """
    resolver = get_user_resolver()
    before: list[LinkedNumber] = []

    def prefer(
        locked: AbstractBaseUser, number: LinkedNumber, numbers: list[LinkedNumber]
    ) -> None:
        before[:] = numbers
        resolver.make_primary(locked, number)

    outcome = _change(user, number_id, prefer)
    if isinstance(outcome, LinkedNumber):
        log_change(outcome.phone_number, "primary")
        notices.tell_of_primary(outcome, before[0])
    return outcome


def find(numbers: Iterable[LinkedNumber], number_id: str | None) -> LinkedNumber | None:
    """Return the number with an id. Only the user's own are looked at, so any other id is as
    good as none."""
    return next((number for number in numbers if number.id == number_id), None)


def log_change(phone_number: PhoneNumber, outcome: str) -> None:
    extra = log_fields("number_changed", phone_number=phone_number, outcome=outcome)
    logger.info("The number %s of a user: %s.", phone_number, outcome, extra=extra)


def _change(
    user: AbstractBaseUser, number_id: str, change: Change
) -> LinkedNumber | NumberRefused:
    """Change one number of a user. Return the number as it was."""
    check_number_id(number_id)
    chosen = find(numbers_of(user), number_id)
    if chosen is None:
        return NOT_FOUND

    def attempt(row: NumberRow) -> LinkedNumber | NumberRefused:
        with row.replaced_by(row.state), users_too():
            locked = lock_users([user.pk]).get(user.pk)
            numbers = get_user_resolver().numbers_of(user, for_update=True)
            number = find(numbers, chosen.id)
            if locked is None or number is None or number.phone_number != chosen.phone_number:
                return NOT_FOUND
            change(locked, number, numbers)
            return number

    try:
        return change_number(chosen.phone_number.e164, attempt)
    except LastWayIn:
        return NumberRefused(reason="last_way_in")
