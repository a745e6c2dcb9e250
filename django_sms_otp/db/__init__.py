"""Reads the row of a number and replaces it in one transaction. All hand-written SQL is here.

Every request for a code and every guess goes through :func:`change_number`.
"""

from .attempts import change_limit, change_number
from .deliveries import store_delivery
from .events import count_event
from .last_uses import last_use_of
from .numbers import NumberRow
from .outages import error_name, is_outage
from .rows import LimitRow, lock_rows
from .transactions import (
    database_alias,
    non_atomic,
    own_transaction,
    refuse_transaction,
    retry_lost_races,
    users_too,
)
from .users import lock_users
from .writes import Write

__all__ = [
    "LimitRow",
    "NumberRow",
    "Write",
    "change_limit",
    "change_number",
    "count_event",
    "database_alias",
    "error_name",
    "is_outage",
    "last_use_of",
    "lock_rows",
    "lock_users",
    "non_atomic",
    "own_transaction",
    "refuse_transaction",
    "retry_lost_races",
    "store_delivery",
    "users_too",
]
