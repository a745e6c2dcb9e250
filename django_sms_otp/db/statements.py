"""The statements of every login, written by hand in SQL that all databases share.

The ORM would compile each statement anew, which takes longer than the statement itself. It also
cannot join a number's row to its codes without a foreign key.

A change of a code has a condition: the code is still in the state that was read. Otherwise no
row matches, and the attempt is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import models
from django.db.backends.utils import CursorWrapper

from ..limits.keys import NUMBER
from ..models import RECEIVED, DeliveryState, Limit, OTPCode
from .values import to_database

__all__ = [
    "CODE_FIELDS",
    "CONSUME_CODE",
    "COUNT_ATTEMPT",
    "COUNT_USE",
    "INSERT_CODE",
    "INSERT_LIMIT",
    "LIMIT_FIELDS",
    "REPLACE_LIMIT",
    "RESEND_CODE",
    "RESENT",
    "SUPERSEDE_CODE",
    "Change",
    "Insertion",
    "Statement",
    "read_by_keys",
    "read_by_request_id",
    "record_delivery",
]

Fields = Mapping[str, "models.Field[Any, Any]"]

LIMITS, CODES = Limit._meta.db_table, OTPCode._meta.db_table
LIMIT_FIELDS: Fields = {each.attname: each for each in Limit._meta.concrete_fields}
CODE_FIELDS: Fields = {each.attname: each for each in OTPCode._meta.concrete_fields}

LIVE = "redeemed_at IS NULL AND superseded_at IS NULL AND expires_at > %(now)s"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with named parameters.

    :param fields: the column that each parameter is written to or compared with.
    """

    sql: str
    fields: Fields = field(repr=False)

    def execute(self, cursor: CursorWrapper, values: Mapping[str, Any]) -> int:
        """Run the statement and return how many rows it matched."""
        cursor.execute(self.sql, to_database(values, self.fields, cursor.db))
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True, eq=False)
class Insertion:
    """Insert a row. Each parameter has the name of its column.

    :param constants: columns that have the same value in every new row, as SQL.
    """

    table: str
    fields: Fields = field(repr=False)
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> str:
        return ", ".join([*self.fields, *self.constants])

    @property
    def values(self) -> str:
        return ", ".join([*(f"%({name})s" for name in self.fields), *self.constants.values()])

    def statement(self) -> Statement:
        sql = f"INSERT INTO {self.table} ({self.columns}) VALUES ({self.values})"
        return Statement(sql, self.fields)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Update the row that ``condition`` finds."""

    table: str
    assignments: str
    condition: str
    fields: Fields = field(repr=False)

    def statement(self) -> Statement:
        sql = f"UPDATE {self.table} SET {self.assignments} WHERE {self.condition}"
        return Statement(sql, self.fields)


def _assigned(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = %({name})s" for name in names)


def _change_of_code(*columns: str, condition: str = "") -> Change:
    return Change(
        table=CODES,
        assignments=_assigned(columns),
        condition=f"id = %(id)s AND {LIVE}{condition}",
        fields={
            **CODE_FIELDS,
            "now": CODE_FIELDS["expires_at"],
            "seen": CODE_FIELDS["failed_attempts"],
        },
    )


INSERT_LIMIT = Insertion(
    LIMITS,
    {name: each for name, each in LIMIT_FIELDS.items() if name not in {"id", "refusals"}},
)
REPLACE_LIMIT = Change(
    table=LIMITS,
    assignments=_assigned(("state", "uses", "version", "updated_at", "is_kept")),
    condition="id = %(id)s AND version = %(seen)s AND uses = %(seen_uses)s",
    fields=LIMIT_FIELDS,
)
"""Replaces a row if no other request has changed it."""

COUNT_USE = Change(
    table=LIMITS,
    assignments="uses = uses + %(count)s",
    condition="id = %(id)s AND version = %(seen)s AND uses <= %(most)s",
    fields=LIMIT_FIELDS,
)
"""Counts in the current grain of a row, if the grain has room. Requests that count at the same
time wait for each other, but none of them has to read the row again."""

RESENT = (
    *("send_count", "message_id", "withheld_by", "exempt", "recorded", "backend", "channel"),
    *("language", "counted_at", "claimed_at", "sent_at", "delivery_state", "delivery_error"),
)
"""The columns that change when a code is sent again."""

NULL_AT_FIRST = {"user_id", "redeemed_at", "superseded_at", "sent_at", "delivered_at"}
CONSTANT_AT_FIRST = {
    "send_count": "1",
    "failed_attempts": "0",
    "message_id": "''",
    "delivery_error": "''",
    "undelivered_by": "''",
}
"""Columns of every new code."""

INSERT_CODE = Insertion(
    CODES,
    {
        name: each
        for name, each in CODE_FIELDS.items()
        if name not in {*NULL_AT_FIRST, *CONSTANT_AT_FIRST}
    },
    CONSTANT_AT_FIRST,
)
RESEND_CODE = _change_of_code(*RESENT)
SUPERSEDE_CODE = _change_of_code("superseded_at")
COUNT_ATTEMPT = _change_of_code("failed_attempts", condition=" AND failed_attempts = %(seen)s")
CONSUME_CODE = _change_of_code(
    *("redeemed_at", "user_id", "failed_attempts"), condition=" AND failed_attempts = %(seen)s"
)


@cache
def read_by_keys(shared: int) -> Statement:
    """Return the statement that reads a number's row, its unexpired codes of a purpose, and
    shared rows.

    :param shared: the number of shared rows. Their keys are the parameters ``kind0``,
        ``subject0`` and so on.
    """
    keys = [
        f"OR l.kind = %(kind{number})s AND l.subject = %(subject{number})s"
        for number in range(shared)
    ]
    sql = _read(
        " ".join([f"l.kind = '{NUMBER}' AND l.subject = %(number)s", *keys]),
        # Compare the number with the column of the codes, too. With the join alone, PostgreSQL
        # scans all codes of a table that has no statistics yet.
        join="c.phone_number = %(number)s AND c.phone_number = l.subject",
    )
    return Statement(sql, _READ_FIELDS)


@cache
def read_by_request_id() -> Statement:
    """Return the statement that reads the same for the number of a request."""
    number = f"(SELECT phone_number FROM {CODES} WHERE id = %(id)s)"
    sql = _read(
        f"l.kind = '{NUMBER}' AND l.subject = {number}", join="c.phone_number = l.subject"
    )
    return Statement(sql, _READ_FIELDS)


_READ_FIELDS: Fields = {
    "id": CODE_FIELDS["id"],
    "purpose": CODE_FIELDS["purpose"],
    "now": CODE_FIELDS["expires_at"],
}


def _read(condition: str, *, join: str) -> str:
    columns = ", ".join(
        [*(f"l.{name}" for name in LIMIT_FIELDS), *(f"c.{name}" for name in CODE_FIELDS)]
    )
    return (
        f"SELECT {columns} FROM {LIMITS} l LEFT JOIN {CODES} c"
        f" ON {join} AND l.kind = '{NUMBER}' AND c.purpose = %(purpose)s"
        " AND c.expires_at > %(now)s"
        f" WHERE {condition}"
    )


@cache
def record_delivery(state: DeliveryState) -> Statement:
    """Return the statement that writes the result of a delivery into the code's row.

    It matches no row if the code was sent again meanwhile. It keeps the state that a receipt
    of the same message has set meanwhile.

    :param state: the new ``delivery_state``.
    """
    known = [*RECEIVED]
    if state == DeliveryState.UNKNOWN:
        # The gateway did not answer, but sent a receipt.
        known.append(DeliveryState.SENT)
    states = ", ".join(f"'{each.value}'" for each in known)
    received = f"delivery_state IN ({states})"
    columns = ["backend"]
    if state in {DeliveryState.SENT, DeliveryState.WITHHELD}:
        received += " AND message_id IN ('', %(message_id)s)"
        columns += ["message_id", "sent_at"]
    # These two come first: on MySQL an assignment sees the values of those before it.
    assignments = [
        f"{name} = CASE WHEN {received} THEN {name} ELSE %({name})s END"
        for name in ("delivery_state", "delivery_error")
    ]
    return Change(
        table=CODES,
        assignments=", ".join([*assignments, _assigned(columns)]),
        condition="id = %(id)s AND claimed_at = %(claimed_at)s",
        fields=CODE_FIELDS,
    ).statement()
