"""Fills the tables of a site as a month leaves them, by SQL alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection, models

from django_sms_otp.models import HourlyCount, Limit, OTPCode, VerifiedPhone

from .dialects import dialect

__all__ = ["Past", "fill", "phone_of"]

FIRST = 2_000_000
"""Users have the numbers from +14152000001 on. Eight million of them exist."""

CODES_OF_A_USER = 10
SPREAD = timedelta(days=30)
USERS_OF_AN_ADDRESS = 5
REMAINDERS = (9973, 9967)
"""These two numbers have no common divisor: the remainders tell numbers up to their product."""

REGIONS = ("US", "US", "US", "US", "US", "US", "CA", "GB", "DE", "FR")
CONSTRAINTS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE conrelid = %s::regclass AND contype IN ('f', 'p', 'u')"
)
INDEXES = (
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
    "WHERE indrelid = %s::regclass"
)

COUNTS_KEPT = timedelta(days=400)
EVENTS = ("requested", "messages", "sent", "redeemed", "redeemed_in:20", "refused:ip")


@dataclass(frozen=True, slots=True)
class Past:
    """
    :param users: each asks for ten codes in thirty days.
    :param until: the end of these days.
    """

    users: int
    until: datetime

    @property
    def codes(self) -> int:
        return self.users * CODES_OF_A_USER

    @property
    def addresses(self) -> int:
        return max(self.users // USERS_OF_AN_ADDRESS, 1)


def phone_of(user: int) -> str:
    """Return the number of a user, counted from 1."""
    return f"+1415{FIRST + user}"


def fill(past: Past) -> None:
    """Add users, their numbers, codes, limits and hourly counts."""
    with _built_at_once(VerifiedPhone, OTPCode, Limit):
        _users(past)
        _codes(past)
        _limits(past)
    _counts(past)
    _analyze()


def _analyze() -> None:
    """Tell the planner about the tables, as it knows those of a site."""
    if command := dialect().analyze:
        for model in (User, VerifiedPhone, OTPCode, Limit, HourlyCount):
            _execute(command.format(table=model._meta.db_table))


def _users(past: Past) -> None:
    last = User.objects.aggregate(last=models.Max("pk"))["last"] or 0
    values = {
        "id": f"{last} + n",
        "password": "'!'",
        "is_superuser": "FALSE",
        "username": _joined("'user_'", dialect().digest),
        "first_name": "''",
        "last_name": "''",
        "email": "''",
        "is_staff": "FALSE",
        "is_active": "TRUE",
        "date_joined": _time(past, past.users),
    }
    _insert(User, past.users, values)
    _set_sequence(User)
    values = {
        "user_id": f"{last} + n",
        "phone_number": _phone("n"),
        "verified_at": _time(past, past.users),
        "last_used_at": _time(past, past.users),
        "is_primary": "TRUE",
        "is_test": "FALSE",
    }
    _insert(VerifiedPhone, past.users, values)


def _codes(past: Past) -> None:
    first = VerifiedPhone.objects.get(phone_number=phone_of(1)).user_id
    user = f"n % {past.users}"
    made, sent, redeemed, ends = (_time(past, past.codes, later=s) for s in (0, 1, 20, 3600))
    values = {
        "id": dialect().request_id,
        # Each user has asked once every three days.
        "phone_number": _phone(f"{user} + 1"),
        "region": _one_of(REGIONS),
        "purpose": "'login'",
        "user_id": f"CASE WHEN n % 10 < 7 THEN {first} + {user} END",
        "context": "''",
        "seed": dialect().digest,
        "key_id": "'0123456789abcdef'",
        "code_length": "6",
        "created_at": made,
        "expires_at": ends,
        "send_count": "CASE WHEN n % 9 = 0 THEN 2 ELSE 1 END",
        "failed_attempts": "CASE WHEN n % 7 = 0 THEN 1 ELSE 0 END",
        "redeemed_at": f"CASE WHEN n % 10 < 7 THEN {redeemed} END",
        "channel": "'sms'",
        "language": "'en'",
        "backend": "'default'",
        "message_id": _joined("'SM'", dialect().digest),
        "delivery_state": "CASE WHEN n % 30 = 0 THEN 'undelivered' ELSE 'delivered' END",
        "delivery_error": "CASE WHEN n % 30 = 0 THEN '30005' ELSE '' END",
        "undelivered_by": "CASE WHEN n % 30 = 0 THEN 'default' ELSE '' END",
        "counted_at": made,
        "claimed_at": made,
        "sent_at": sent,
        "delivered_at": f"CASE WHEN n % 30 > 0 THEN {sent} END",
        "withheld_by": "''",
        "exempt": "n % 10 < 7",
        "recorded": "''",
    }
    _insert(OTPCode, past.codes, values)


def _limits(past: Past) -> None:
    at = past.until.timestamp() - SPREAD.total_seconds()
    quiet = f'{{"sends": [[{at}, "01234567", "0123456789abcdef", ""]], "succeeded_at": {at}}}'
    failed = f'{{"guesses": {{"groups": {{"strangers": [1, [{at}]]}}, "consecutive": 1}}}}'
    values = {
        "kind": "'number'",
        "subject": _phone("n"),
        "state": f"CASE WHEN n % 50 = 0 THEN {_json(failed)} ELSE {_json(quiet)} END",
        "uses": "0",
        "version": "n",
        "updated_at": _time(past, past.users),
        "is_kept": "n % 50 = 0",
    }
    _insert(Limit, past.users, values)
    first, second = (_text(f"n % {each}") for each in REMAINDERS)
    values |= {
        "kind": "'ip'",
        "subject": _joined("'2001:db8:'", first, "':'", second, "'::/64'"),
        "uses": "1",
        "state": _json(f'{{"grain_ends_at": {at}}}'),
        "updated_at": _time(past, past.addresses),
        "is_kept": "FALSE",
    }
    _insert(Limit, past.addresses, values)


def _counts(past: Past) -> None:
    hour = timedelta(hours=1) // timedelta(microseconds=1)
    start = (past.until - COUNTS_KEPT).replace(minute=0, second=0, microsecond=0)
    for event in EVENTS:
        for region in sorted(set(REGIONS)):
            values = {
                "hour": _later(start, f"n * {hour}"),
                "region": f"'{region}'",
                "backend": "'default'",
                "event": f"'{event}'",
                "count": "10",
            }
            _insert(HourlyCount, COUNTS_KEPT // timedelta(hours=1), values)


@contextmanager
def _built_at_once(*models_: type[models.Model]) -> Iterator[None]:
    """Build indexes and keys after the rows, which takes a third of the time."""
    if connection.vendor != "postgresql":
        yield
        return
    rebuild: list[str] = []
    for model in models_:
        table = model._meta.db_table
        for name, definition in _look_up(CONSTRAINTS, table):
            _execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            rebuild.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for name, definition in _look_up(INDEXES, table):
            _execute(f"DROP INDEX {name}")
            rebuild.append(definition)
    yield
    for statement in rebuild:
        _execute(statement)


def _look_up(question: str, table: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(question, [table])
        return list(cursor.fetchall())


def _insert(model: type[models.Model], count: int, values: Mapping[str, str]) -> None:
    quoted = connection.ops.quote_name
    columns = ", ".join(map(quoted, values))
    rows = f"SELECT {', '.join(values.values())} FROM {dialect().series.format(count=count)}"
    _execute(f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) {rows}")


def _set_sequence(model: type[models.Model]) -> None:
    """Let the next new row get a free key."""
    for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
        _execute(statement)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _time(past: Past, count: int, *, later: int = 0) -> str:
    """Spread the rows over the days; ``later``: seconds that are added."""
    step = SPREAD // timedelta(microseconds=1) // count
    return _later(past.until - SPREAD + timedelta(seconds=later), f"n * {step}")


def _later(start: datetime, microseconds: str) -> str:
    text = start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return dialect().later.format(start=text, microseconds=microseconds)


def _phone(user: str) -> str:
    return _joined("'+1415'", _text(f"{FIRST} + {user}"))


def _one_of(values: Sequence[str]) -> str:
    cases = (f"WHEN {number} THEN '{value}'" for number, value in enumerate(values))
    return f"CASE n % {len(values)} {' '.join(cases)} END"


def _json(text: str) -> str:
    return f"CAST('{text}' AS jsonb)" if connection.vendor == "postgresql" else f"'{text}'"


def _text(number: str) -> str:
    return dialect().text.format(number=number)


def _joined(*parts: str) -> str:
    return dialect().joined(parts)
