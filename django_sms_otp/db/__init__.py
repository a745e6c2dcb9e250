"""Read a number's row, decide, replace it in one transaction. The only clever SQL.

:func:`change_number` is the door: every request for a code and every guess goes through it.
"""

from .attempts import change_limit, change_number
from .deliveries import store_delivery
from .numbers import NumberRow
from .rows import LimitRow
from .transactions import (
    database_alias,
    non_atomic,
    own_transaction,
    retry_lost_races,
    users_too,
)
from .writes import Write

__all__ = [
    "LimitRow",
    "NumberRow",
    "Write",
    "change_limit",
    "change_number",
    "database_alias",
    "non_atomic",
    "own_transaction",
    "retry_lost_races",
    "store_delivery",
    "users_too",
]
