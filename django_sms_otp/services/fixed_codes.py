"""The fixed codes of ``TEST_NUMBERS``: who gets one, and what it opens.

Assume that everybody knows a fixed code: it is in the notes to an app store. So it opens the
account that its number has opened itself, and no other. An account that exists already belongs
to a person whom the site has confused with a reviewer, or is one that somebody wants to get
into. Its number is an ordinary number.
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ..auth.users import get_user_resolver, is_staff
from ..conf import get_settings
from ..db import database_alias
from ..exceptions import LoginRefused
from ..models import VerifiedPhone
from ..phone import PhoneNumber
from ..purposes import Purpose

__all__ = ["gets_fixed_code", "is_nobodys", "mark_account"]


def gets_fixed_code(phone_number: PhoneNumber, purpose: Purpose) -> bool:
    """Return whether a request gets the fixed code, and no message.

    A code that binds a number to an account never does: it proves who holds the number.
    """
    if purpose.binds or get_settings().test_code(phone_number.e164) is None:
        return False
    return is_nobodys(phone_number)


def is_nobodys(phone_number: PhoneNumber) -> bool:
    """Return whether a test number has no account, or the one that it has opened itself.

    An account of staff counts as a person's, whatever ``ALLOW_STAFF`` says.
    """
    try:
        user = get_user_resolver().get_user(phone_number)
    except LoginRefused:
        return False
    if user is None:
        return True
    rows = VerifiedPhone.objects.using(database_alias(VerifiedPhone)).filter(is_test=True)
    own = rows.filter(user_id=user.pk, phone_number=phone_number.e164)
    return not is_staff(user) and own.exists()


def mark_account(user: AbstractBaseUser, phone_number: PhoneNumber) -> None:
    """Note that a test number has opened this account.

    Any resolver may have created the account, so the row may not be there.
    """
    VerifiedPhone.objects.using(database_alias(VerifiedPhone)).update_or_create(
        phone_number=phone_number.e164,
        defaults={"user_id": user.pk, "is_test": True},
        create_defaults={"user_id": user.pk, "is_test": True, "verified_at": timezone.now()},
    )
