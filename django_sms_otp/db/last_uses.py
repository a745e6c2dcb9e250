"""The write that notes the last use of a verified number.

It goes along with the writes of a login: on PostgreSQL in the same statement.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..models import VerifiedPhone
from .statements import Change
from .writes import Write

__all__ = ["last_use_of"]

MOVE_LAST_USE = Change(
    table=VerifiedPhone._meta.db_table,
    assignments="last_used_at = %(last_used_at)s, is_test = %(is_test)s",
    condition="phone_number = %(phone_number)s AND user_id = %(user_id)s",
    fields={each.attname: each for each in VerifiedPhone._meta.concrete_fields},
)


def last_use_of(phone_number: str, user_id: Any, at: datetime, *, is_test: bool) -> Write:
    """Return the write that moves ``last_used_at``, if the number is still the user's.

    :param is_test: whether it was used by the fixed code of a test number. Any other code came
        by a message, so its holder is a person.
    """
    values = {
        "phone_number": phone_number,
        "user_id": user_id,
        "last_used_at": at,
        "is_test": is_test,
    }
    return Write(statement=MOVE_LAST_USE, values=values, is_condition=False)
