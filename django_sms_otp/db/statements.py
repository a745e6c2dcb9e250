"""The statements that every login runs, each compiled once: see :mod:`~.compiled`.

What changes a code names the state that it was read in: where that has changed meanwhile, no
row is matched, and the round is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, cast

from django.db.models import Case, F, FilteredRelation, Model, Q, QuerySet, Value, When
from django.db.models.sql import Query, UpdateQuery

from ..models import RECEIVED, DeliveryState, Limit, OTPCode, OTPCodeQuerySet, VerifiedPhone
from .compiled import Joined, Statement, insert, param, update

__all__ = [
    "CODE_FIELDS",
    "LIMIT_FIELDS",
    "NEW_CODE",
    "WITH_LIMITS",
    "consume_code",
    "count_attempt",
    "find_user",
    "insert_code",
    "insert_limit",
    "read_by_keys",
    "read_by_request_id",
    "record_delivery",
    "record_delivery_and_supersede",
    "record_delivery_asynchronously",
    "replace_limit",
    "resend_code",
    "supersede_code",
]

LIMIT_FIELDS = [field.attname for field in Limit._meta.concrete_fields]
CODE_FIELDS = [field.attname for field in OTPCode._meta.concrete_fields]

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a range that needs none. PostgreSQL takes a range whose values it does not know
for half a percent of the rows, and one that is open for a third (selfuncs.h). On a large table
that would make the plan for any values seem so much worse that it would plan each time anew."""

RANDOM = frozenset({"id", "seed"})
"""Columns of a code that no two codes share."""

NEW_CODE = {
    field.attname: field.get_default()
    for field in OTPCode._meta.concrete_fields
    if field.name not in RANDOM
}
"""What the columns of any new code hold, unless it is said otherwise."""


@Statement
def read_by_keys(keys: int) -> Query:
    """Limits rows of so many keys (``key0`` and so on), the first of them a number's, with its
    live codes."""
    wanted = [param(Limit, "key", f"key{number}") for number in range(keys)]
    # Found by the index by themselves. By the join alone, PostgreSQL goes through all codes of
    # a young table, twice.
    of_number = {"codes__phone_number": param(OTPCode, "phone_number", "key0")}
    return _with_codes(Limit.objects.filter(key__in=wanted), **of_number)


@Statement
def read_by_request_id() -> Query:
    """The same of the number that a request was for."""
    mine = OTPCode.objects.filter(pk=param(OTPCode, "id"))
    return _with_codes(Limit.objects.filter(key__in=mine.values_list("phone_number")))


@Statement
def insert_limit() -> Query:
    return insert(Limit, LIMIT_FIELDS)


@Statement
def replace_limit() -> Query:
    """Replace a limits row, if its version is still ``seen``."""
    return _replacement()


@Statement
def insert_code(*columns: str) -> Query:
    """Insert a new code; the others of its columns have what every new code has."""
    return _insertion(columns)


@Statement
def resend_code(*changes: str) -> Query:
    return update(_live(), **{name: param(OTPCode, name) for name in changes})


@Statement
def supersede_code() -> Query:
    return update(_live(), superseded_at=param(OTPCode, "superseded_at"))


@Statement
def count_attempt() -> Query:
    """Count a wrong guess, if there were ``seen`` before."""
    same = _live().filter(failed_attempts=param(OTPCode, "failed_attempts", "seen"))
    return update(same, failed_attempts=param(OTPCode, "failed_attempts"))


@Statement
def consume_code() -> Query:
    """Mark a code as redeemed, if there were ``seen`` wrong guesses before."""
    same = _live().filter(failed_attempts=param(OTPCode, "failed_attempts", "seen"))
    columns = ("redeemed_at", "user_id", "failed_attempts")
    return update(same, **{name: param(OTPCode, name) for name in columns})


def _with_limits(change: Statement) -> Statement:
    """Return the statement that makes the change of a code, and replaces so many limits rows
    (``key0``, ``seen0`` and so on); or, if one of the rows has changed, does nothing."""

    def build(rows: int, *shape: str) -> Joined:
        numbers = [str(number) for number in range(rows)]
        found = [_unchanged(number).values_list("version").query for number in numbers]
        replaced = [_replacement(number) for number in numbers]
        changed = cast("Query", change.query(*shape))
        if isinstance(changed, UpdateQuery):
            mine = changed.chain(Query)
            mine.set_values(["pk"])
            found.append(mine)
        return Joined([*found, *replaced, changed], _if_all_are_found)

    return Statement(build)


WITH_LIMITS: Mapping[Statement, Statement] = MappingProxyType(
    {
        change: _with_limits(change)
        for change in (insert_code, resend_code, count_attempt, consume_code)
    }
)
"""By what changes a code: what changes its limits at once. For PostgreSQL alone."""


@Statement
def find_user(model: type[Model]) -> Query:
    """The user of a verified number. By no manager of the model's: one that shows the users of
    the tenant of the moment would be compiled with that."""
    phones = VerifiedPhone.objects.filter(phone_number=param(VerifiedPhone, "phone_number"))
    # Not a join, which takes a database twice as long to plan.
    return QuerySet(model).filter(pk=phones.values("user_id")[:1]).query


@Statement
def record_delivery(state: str, *columns: str) -> Query:
    """Write what became of a message into its code's row, if that is still its latest message.

    :param state: what ``delivery_state`` becomes.
    """
    return update(OTPCode.objects.filter(_latest()), **_unless_received(state, columns))


@Statement
def record_delivery_asynchronously(state: str, *columns: str) -> Joined:
    """The same, committed before it is on the disk (PostgreSQL, "Asynchronous Commit"). For
    PostgreSQL alone, and in no transaction but its own: the setting holds to its end."""
    change = cast("Query", record_delivery.query(state, *columns))
    off = "set_config('synchronous_commit', 'off', true)"
    return Joined([change], lambda texts: f"{texts[0]} RETURNING {off}")


@Statement
def record_delivery_and_supersede(state: str, *columns: str) -> Query:
    """Do so, and mark the code that it replaces. That one is dead already, being no longer the
    newest: the mark is for people."""
    mine, values = _latest(), _unless_received(state, columns)
    older = Q(pk=param(OTPCode, "id", "superseded"), redeemed_at=None, superseded_at=None)
    changes: dict[str, Any] = {
        name: Case(When(mine, then=value), default=F(name)) for name, value in values.items()
    }
    mark = When(older, then=param(OTPCode, "superseded_at"))
    changes["superseded_at"] = Case(mark, default=F("superseded_at"))
    # Both by their keys first: for an OR alone PostgreSQL reads all of a young table.
    both = [param(OTPCode, "id"), param(OTPCode, "id", "superseded")]
    return update(OTPCode.objects.filter(mine | older, pk__in=both), **changes)


def _with_codes(limits: QuerySet[Limit], **of_codes: Any) -> Query:
    live = Q(
        codes__purpose=param(OTPCode, "purpose"),
        codes__expires_at__gt=param(OTPCode, "expires_at", "now"),
        codes__expires_at__lt=FOREVER,
        **of_codes,
    )
    joined = limits.annotate(code=FilteredRelation("codes", condition=live))
    return joined.values_list(*LIMIT_FIELDS, *(f"code__{name}" for name in CODE_FIELDS)).query


def _unchanged(number: str = "") -> QuerySet[Limit]:
    key = param(Limit, "key", f"key{number}")
    return Limit.objects.filter(key=key, version=param(Limit, "version", f"seen{number}"))


def _replacement(number: str = "") -> Query:
    columns = ("state", "version", "updated_at", "held")
    changes = {name: param(Limit, name, f"{name}{number}") for name in columns}
    return update(_unchanged(number), **changes)


def _insertion(columns: Sequence[str]) -> Query:
    others = {
        name: value
        for name, value in NEW_CODE.items()
        if name not in columns and value is not None
    }
    return insert(OTPCode, columns, constants=others)


def _if_all_are_found(texts: Sequence[str]) -> str:
    """Lock the rows in their order, each before the next is looked at, and write if all are as
    they were. Of a row that is locked, what is found is what is there when the lock is free
    (PostgreSQL, 13.2.1)."""
    *of_rows, change = texts
    # One more is found than replaced, where that is a code.
    locked = len(texts) // 2
    found, replaced = of_rows[:locked], of_rows[locked:]
    locks, condition = [], ""
    for number, text in enumerate(found):
        locks.append(f"row{number} AS MATERIALIZED ({text}{condition} FOR NO KEY UPDATE)")
        condition = f" AND EXISTS (SELECT FROM row{number})"
    writes = [f"write{number} AS ({text}{condition})" for number, text in enumerate(replaced)]
    if change.startswith("INSERT"):
        head, values = change.removesuffix(")").split(" VALUES (")
        change = f"{head} SELECT {values} WHERE true"
    return f"WITH {', '.join([*locks, *writes])} {change}{condition}"


def _live() -> OTPCodeQuerySet:
    mine = OTPCode.objects.filter(pk=param(OTPCode, "id"))
    return mine.live(param(OTPCode, "expires_at", "now"))


def _latest() -> Q:
    # Of a message that was sent again meanwhile, the later one has the word.
    return Q(pk=param(OTPCode, "id"), claimed_at=param(OTPCode, "claimed_at"))


def _unless_received(state: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """Keep what a receipt has told of the same message, where it was faster than we are."""
    values = {name: param(OTPCode, name) for name in columns}
    known = [*RECEIVED]
    if state == DeliveryState.UNKNOWN:
        known.append(DeliveryState.SENT)  # No answer came, but a receipt did.
    is_received = Q(delivery_state__in=known)
    if "message_id" in columns:
        is_received &= Q(message_id__in=(Value(""), values["message_id"]))
    kept = {
        name: Case(When(is_received, then=F(name)), default=values[name])
        for name in ("delivery_state", "delivery_error")
    }
    # First: MySQL lets an assignment see those before it.
    return {**kept, **{name: value for name, value in values.items() if name not in kept}}
