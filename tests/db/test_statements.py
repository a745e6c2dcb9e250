"""The statements that are compiled once are those that the ORM would run each time."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Case, F, FilteredRelation, Q, QuerySet, Value, When

from django_sms_otp.db import statements
from django_sms_otp.db.compiled import Param, Statement, update
from django_sms_otp.db.statements import CODE_FIELDS, LIMIT_FIELDS
from django_sms_otp.models import RECEIVED, DeliveryState, Limit, OTPCode, VerifiedPhone

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory
from ..support.query_plans import watched

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
REQUEST_ID, OTHER_ID = uuid.UUID(int=2**128 - 1), uuid.UUID(int=1)
USER_ID = 7
STATE = {"sends": [[1.5, "ab\u00e9"]], "known": []}

Run = Callable[[CursorWrapper], Any]
Ask = Callable[[], Any]
Sent = list[tuple[str, list[str]]]

SENT = {
    "backend": "b",
    "delivery_state": DeliveryState.SENT,
    "delivery_error": "",
    "message_id": "SM1",
    "sent_at": NOW,
}
FAILED = {"backend": "b", "delivery_state": DeliveryState.FAILED, "delivery_error": "30001"}
UNKNOWN = {"backend": "b", "delivery_state": DeliveryState.UNKNOWN, "delivery_error": "5"}
RESENT = {"send_count": 2, "message_id": "", "language": "de", "claimed_at": NOW}
MINE = {"id": REQUEST_ID, "now": NOW}


def a_code(**columns: Any) -> OTPCode:
    values = {"phone_number": PHONE, "created_at": NOW, "expires_at": LATER, **columns}
    return OTPCodeFactory.build(**values)


def with_codes(limits: QuerySet[Limit], **of_codes: Any) -> list[Any]:
    lives = {"codes__expires_at__gt": NOW, "codes__expires_at__lt": statements.FOREVER}
    live = Q(codes__purpose="login", **lives, **of_codes)
    joined = limits.annotate(code=FilteredRelation("codes", condition=live))
    return list(joined.values_list(*LIMIT_FIELDS, *(f"code__{name}" for name in CODE_FIELDS)))


def live() -> QuerySet[OTPCode]:
    return OTPCode.objects.filter(pk=REQUEST_ID).live(NOW)


def column(name: str, value: object) -> Value:
    return Value(value, OTPCode._meta.get_field(name))  # type: ignore[arg-type]


def kept(values: dict[str, Any]) -> dict[str, Any]:
    """What is written, unless a receipt was faster."""
    known = [*RECEIVED]
    if values["delivery_state"] == DeliveryState.UNKNOWN:
        known.append(DeliveryState.SENT)
    received = Q(delivery_state__in=known)
    if "message_id" in values:
        received &= Q(message_id__in=("", values["message_id"]))
    names = ("delivery_state", "delivery_error")
    kept = {
        name: Case(When(received, then=F(name)), default=column(name, values[name]))
        for name in names
    }
    return {**kept, **{name: value for name, value in values.items() if name not in names}}


def recorded(values: dict[str, Any]) -> Ask:
    mine = OTPCode.objects.filter(pk=REQUEST_ID, claimed_at=NOW)
    return lambda: mine.update(**kept(values))


def recorded_and_superseded() -> int:
    mine = Q(pk=REQUEST_ID, claimed_at=NOW)
    other = Q(pk=OTHER_ID, redeemed_at=None, superseded_at=None)
    changes: dict[str, Any] = {
        name: Case(
            When(mine, then=value if isinstance(value, Case) else column(name, value)),
            default=F(name),
        )
        for name, value in kept(SENT).items()
    }
    mark = When(other, then=column("superseded_at", NOW))
    changes["superseded_at"] = Case(mark, default=F("superseded_at"))
    both = OTPCode.objects.filter(mine | other, pk__in=[REQUEST_ID, OTHER_ID])
    return both.update(**changes)


CODE = a_code(id=OTHER_ID, ip_address="2001:db8::1")
LIMIT = {"state": STATE, "updated_at": NOW, "held": True}

PAIRS: dict[str, tuple[Run, Ask]] = {
    "read_by_keys": (
        lambda cursor: statements.read_by_keys.rows(
            cursor, 3, key0=PHONE, key1="ip:192.0.2.1", key2="site", purpose="login", now=NOW
        ),
        lambda: with_codes(
            Limit.objects.filter(key__in=[PHONE, "ip:192.0.2.1", "site"]),
            codes__phone_number=PHONE,
        ),
    ),
    "read_by_request_id": (
        lambda cursor: statements.read_by_request_id.rows(
            cursor, id=REQUEST_ID, purpose="login", now=NOW
        ),
        lambda: with_codes(
            Limit.objects.filter(
                key__in=OTPCode.objects.filter(pk=REQUEST_ID).values_list("phone_number")
            )
        ),
    ),
    "insert_limit": (
        lambda cursor: statements.insert_limit.execute(cursor, key="new", version=7, **LIMIT),
        lambda: Limit.objects.create(key="new", version=7, **LIMIT),
    ),
    "replace_limit": (
        lambda cursor: statements.replace_limit.execute(
            cursor, key=PHONE, seen=1, version=2, **LIMIT
        ),
        lambda: Limit.objects.filter(key=PHONE, version=1).update(
            state=STATE, version=2, updated_at=NOW, held=True
        ),
    ),
    "insert_code": (
        lambda cursor: statements.insert_code.execute(cursor, *CODE_FIELDS, **vars(CODE)),
        lambda: OTPCode.objects.create(**{name: getattr(CODE, name) for name in CODE_FIELDS}),
    ),
    "resend_code": (
        lambda cursor: statements.resend_code.execute(cursor, *RESENT, **MINE, **RESENT),
        lambda: live().update(**RESENT),
    ),
    "supersede_code": (
        lambda cursor: statements.supersede_code.execute(cursor, superseded_at=NOW, **MINE),
        lambda: live().update(superseded_at=NOW),
    ),
    "count_attempt": (
        lambda cursor: statements.count_attempt.execute(
            cursor, seen=0, failed_attempts=1, **MINE
        ),
        lambda: live().filter(failed_attempts=0).update(failed_attempts=1),
    ),
    "consume_code": (
        lambda cursor: statements.consume_code.execute(
            cursor, seen=0, redeemed_at=NOW, user_id=USER_ID, failed_attempts=0, **MINE
        ),
        lambda: (
            live()
            .filter(failed_attempts=0)
            .update(redeemed_at=NOW, user_id=USER_ID, failed_attempts=0)
        ),
    ),
    "find_user": (
        lambda cursor: statements.find_user.rows(cursor, get_user_model(), phone_number=PHONE),
        lambda: [
            tuple(getattr(user, each.attname) for each in user._meta.concrete_fields)
            for user in QuerySet[Any](get_user_model()).filter(
                pk=VerifiedPhone.objects.filter(phone_number=PHONE).values("user_id")[:1]
            )
        ],
    ),
    "record_delivery": (
        lambda cursor: statements.record_delivery.execute(
            cursor, DeliveryState.SENT, *SENT, id=REQUEST_ID, claimed_at=NOW, **SENT
        ),
        recorded(SENT),
    ),
    "record_delivery of a failure": (
        lambda cursor: statements.record_delivery.execute(
            cursor, DeliveryState.FAILED, *FAILED, id=REQUEST_ID, claimed_at=NOW, **FAILED
        ),
        recorded(FAILED),
    ),
    "record_delivery of what nobody knows": (
        lambda cursor: statements.record_delivery.execute(
            cursor, DeliveryState.UNKNOWN, *UNKNOWN, id=REQUEST_ID, claimed_at=NOW, **UNKNOWN
        ),
        recorded(UNKNOWN),
    ),
    "record_delivery_and_supersede": (
        lambda cursor: statements.record_delivery_and_supersede.execute(
            cursor,
            DeliveryState.SENT,
            *SENT,
            id=REQUEST_ID,
            claimed_at=NOW,
            superseded=OTHER_ID,
            superseded_at=NOW,
            **SENT,
        ),
        recorded_and_superseded,
    ),
}
if connection.vendor == "postgresql":
    PAIRS["record_delivery_asynchronously"] = (
        lambda cursor: statements.record_delivery_asynchronously.execute(
            cursor, DeliveryState.SENT, *SENT, id=REQUEST_ID, claimed_at=NOW, **SENT
        ),
        recorded(SENT),
    )


@contextmanager
def sent() -> Iterator[Sent]:
    """Note statements other than savepoints, with their parameters as the driver gets them."""
    noted: Sent = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SAVEPOINT" not in sql:
            # The ORM puts an expression in brackets, and a value not; create() asks for what
            # the database has chosen. Adapters of drivers have no equality of their own.
            plain = sql.replace("(%s)", "%s").partition(" RETURNING ")[0]
            values = [str(getattr(each, "obj", each)) for each in params or ()]
            noted.append((plain, values))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield noted


@pytest.fixture(autouse=True)
def rows() -> None:
    Limit.objects.create(key=PHONE, version=1, updated_at=NOW, state=STATE)
    Limit.objects.create(key="site", version=1, updated_at=NOW, state={})
    a_code(id=REQUEST_ID, claimed_at=NOW).save()
    user = get_user_model().objects.create(pk=USER_ID, username="somebody")
    VerifiedPhone.objects.create(user=user, phone_number=PHONE, verified_at=NOW)


def done(run: Ask) -> tuple[Sent, Any, list[Any]]:
    """Run it and undo it; return what was sent, what it returned, and all rows after it."""
    with transaction.atomic(), sent() as noted:
        result = run()
        of = noted[:]
        after = [list(model.objects.order_by("pk").values()) for model in (Limit, OTPCode)]
        transaction.set_rollback(True)
    return of, result, after


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_what_the_orm_runs(name: str) -> None:
    run, ask = PAIRS[name]

    def compiled() -> Any:
        with connection.cursor() as cursor:
            return run(cursor)

    ours, found, rows = done(compiled)
    orms, expected, rows_of_orm = done(ask)
    assert ours == orms
    assert len(ours) == 1
    assert rows == rows_of_orm
    if isinstance(expected, list):
        assert [tuple(row) for row in found] == expected
        assert expected
    elif isinstance(expected, int):
        assert found == expected
        assert expected


def test_every_statement_is_compared() -> None:
    named = {name for name, each in vars(statements).items() if isinstance(each, Statement)}
    if connection.vendor != "postgresql":
        named.discard("record_delivery_asynchronously")
    assert named == {name.partition(" ")[0] for name in PAIRS}


def test_it_is_written_once() -> None:
    written: list[int] = []

    @Statement
    def count(number: int) -> Any:
        written.append(number)
        return update(Limit.objects.filter(version=number), held=True)

    with connection.cursor() as cursor:
        for number in (1, 2, 1, 2):
            count.execute(cursor, number)
    assert written == [1, 2]


def test_an_error_is_one_of_djangos() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        statements.insert_limit.execute(cursor, key=PHONE, version=1, **LIMIT)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL's planner")
def test_codes_of_a_young_table_are_found_by_the_index() -> None:
    phones = [f"+1415555{number:04}" for number in range(400)]
    rows = [Limit(key=phone, state={}, version=1, updated_at=NOW) for phone in phones]
    Limit.objects.bulk_create(rows)
    OTPCode.objects.bulk_create([a_code(phone_number=phone) for phone in phones])
    keys = {"key0": phones[7], "key1": "ip:192.0.2.1"}
    with connection.cursor() as cursor, watched() as watch:
        found = statements.read_by_keys.rows(cursor, 2, **keys, purpose="login", now=NOW)
    assert len(found) == 1
    codes = OTPCode._meta.db_table
    assert not [fault for plan in watch.plans for fault in plan.faults if codes in fault]


def test_a_parameter_is_a_tuple_as_django_asks_of_expressions() -> None:
    statement: Any = statements.read_by_request_id.query()
    compiler = statement.get_compiler(connection.alias)
    written, params = Param("id", OTPCode._meta.pk).as_sql(compiler, connection)
    assert written == "%s"
    assert isinstance(params, tuple)
