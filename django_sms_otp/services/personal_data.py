"""What is kept about a person's number: export it, erase it.

Erasing keeps what the limits still count: wrong guesses, a block, and the messages of the last
hours. Otherwise to erase a number and to come back would be a way past every limit.

The purge may have this row later, once nobody has used the number for ``RETENTION``. Then its
wrong guesses are forgotten, as a login forgets them at once. A guess or a request in between
makes the row one that stays, like any other.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import Model

from ..auth.linked_numbers import have_a_primary
from ..controls import failure_budget, memory
from ..db import NumberRow, change_number, database_alias, lock_users, users_too
from ..limits.keys import NUMBER
from ..limits.number import NumberState
from ..logs import log_fields
from ..models import Limit, OTPCode, VerifiedPhone
from ..phone import PhoneNumber, mask
from ..results import Erased
from .arguments import e164_of
from .staff import NOBODY_NAMED

__all__ = ["erase_number", "export_number"]

logger = logging.getLogger("django_sms_otp")

SECRET = frozenset({"seed", "key_id"})
"""Columns from which a code is derived. They say nothing about the person."""


def export_number(phone_number: PhoneNumber | str, *, by: str = NOBODY_NAMED) -> dict[str, Any]:
    """Return everything that is kept about a number, to be written as JSON by
    ``DjangoJSONEncoder``.

    :param phone_number: the number, or its text in E.164.
    :raises TypeError: it is neither.
    :raises ValueError: the text is not in E.164.
    """
    e164 = e164_of(phone_number)
    limits = Limit.objects.using(database_alias()).filter(kind=NUMBER, subject=e164)
    rows = {
        "codes": OTPCode.objects.using(database_alias()).order_by("created_at"),
        "accounts": VerifiedPhone.objects.using(database_alias(VerifiedPhone)),
    }
    found = {
        name: [_columns(row) for row in each.filter(phone_number=e164)]
        for name, each in rows.items()
    }
    _log(by, e164, "exported", "%s exported what is kept about %s.")
    return {"phone_number": str.__str__(e164), **found, "limits": [*map(_columns, limits)]}


def erase_number(phone_number: PhoneNumber | str, *, by: str = NOBODY_NAMED) -> Erased:
    """Delete the codes of a number, take it from its account, and forget what no limit counts.

    The user stays, and so does a number in a field of the user model: they are the site's. The
    purge deletes what is left of the number's row, but no lockout without an end, and no block
    and no allowance.

    :param phone_number: the number, or its text in E.164.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: it is neither.
    :raises ValueError: the text is not in E.164.
    """
    e164 = e164_of(phone_number)
    erased: Erased = change_number(e164, _erase)
    _log(by, e164, "erased", "%s erased what is kept about %s.")
    return erased


def _erase(row: NumberRow) -> Erased:
    state = row.state.forgotten(row.now, memory())
    keeps_limits = state != NumberState()
    is_kept = state.rule is not None or state.is_shut(failure_budget())
    with row.replaced_by(state), users_too():
        limits = Limit.objects.using(row.alias).filter(kind=NUMBER, subject=row.e164)
        if keeps_limits:
            limits.update(refusals=None, is_kept=is_kept)
        else:
            limits.delete()
        codes = OTPCode.objects.using(row.alias).filter(phone_number=row.e164)
        count = codes.delete()[1].get(OTPCode._meta.label, 0)
        accounts = _unlink(row.e164)
    return Erased(codes=count, accounts=accounts, keeps_limits=keeps_limits)


def _unlink(e164: str) -> int:
    rows = VerifiedPhone.objects.using(database_alias(VerifiedPhone)).filter(phone_number=e164)
    holders = {*rows.values_list("user_id", flat=True)}
    lock_users(holders)
    count = rows.delete()[1].get(VerifiedPhone._meta.label, 0)
    for user_id in holders:
        have_a_primary(user_id)
    return count


def _columns(row: Model) -> dict[str, Any]:
    names = (field.attname for field in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if name not in SECRET}


def _log(by: str, e164: str, outcome: str, text: str) -> None:
    extra = log_fields("number_changed", phone_number=e164, outcome=outcome)
    logger.info(text, by, mask(e164), extra=extra)
