"""When a verified number last proved to be its user's.

A login moves it in the transaction that redeems the code. It reads it only if the site asks for
it, and then with the user, in the same statement.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import F, QuerySet

from ..conf import get_settings
from ..db import database_alias
from ..models import VerifiedPhone
from ..phone import PhoneNumber

__all__ = ["last_use", "move_last_use", "used_within", "with_last_use"]

NUMBER = "sms_otp_phone_number"
VERIFIED_AT, LAST_USED_AT = "sms_otp_verified_at", "sms_otp_last_used_at"
IS_TEST = "sms_otp_is_test"
"""What a user who was found by a number has of it."""


def with_last_use(users: QuerySet[Any]) -> QuerySet[Any]:
    """Have users that are found by a number bring along when it was last used, if a setting
    depends on it."""
    if get_settings().STALE_AFTER is None and get_settings().NUMBER_RISK is None:
        return users
    columns = {
        NUMBER: F("verified_phones__phone_number"),
        VERIFIED_AT: F("verified_phones__verified_at"),
        LAST_USED_AT: F("verified_phones__last_used_at"),
        IS_TEST: F("verified_phones__is_test"),
    }
    annotated: QuerySet[Any] = users.annotate(**columns)
    return annotated


def last_use(user: AbstractBaseUser, phone_number: PhoneNumber) -> datetime | None:
    """Return when a number was last used or, if that is later, verified.

    ``None``: it is not verified for this user.
    """
    if getattr(user, NUMBER, None) != phone_number.e164:
        # A resolver of the site has found the user in its own way.
        phones = VerifiedPhone.objects.using(database_alias(VerifiedPhone))
        found = phones.filter(user_id=user.pk, phone_number=phone_number.e164)
        columns = found.values_list("verified_at", "last_used_at", "is_test")
        read = (phone_number.e164, *(columns.first() or (None, None, False)))
        for name, value in zip((NUMBER, VERIFIED_AT, LAST_USED_AT, IS_TEST), read, strict=True):
            setattr(user, name, value)
    known = (getattr(user, VERIFIED_AT), getattr(user, LAST_USED_AT))
    return max((time for time in known if time is not None), default=None)


def used_within(
    user: AbstractBaseUser, span: timedelta, now: datetime, *, is_test: bool
) -> bool | None:
    """Return whether the number was used a moment ago; ``None``: it is not known here.

    :param is_test: whether by the fixed code of a test number.
    """
    if not hasattr(user, LAST_USED_AT):
        return None
    used_at: datetime | None = getattr(user, LAST_USED_AT)
    is_recent = used_at is not None and now - used_at < span
    return is_recent and getattr(user, IS_TEST) is is_test


def move_last_use(
    user: AbstractBaseUser, e164: str, now: datetime, *, is_test: bool | None = None
) -> None:
    """Note a use of a number in the database of the numbers.

    :param is_test: whether its code was the fixed one of a test number; ``None``: leave what
        the last login has noted.
    """
    changed = {"last_used_at": now, **({} if is_test is None else {"is_test": is_test})}
    phones = VerifiedPhone.objects.using(database_alias(VerifiedPhone))
    phones.filter(user_id=user.pk, phone_number=e164).update(**changed)
