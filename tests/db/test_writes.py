"""Writes as one statement and one by one come to the same, and shared limits stay exact."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from django_sms_otp import services
from django_sms_otp.db import LimitRow, Write, change_limit, numbers
from django_sms_otp.db.numbers import NumberQuery, NumberRow, read_number
from django_sms_otp.db.writes import LostRace, write_in_order
from django_sms_otp.limits.keys import COUNTRY, SITE, LimitKey
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE
from ..support.connection_options import connected_with
from ..support.factories import OTPCodeFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="elsewhere writes are sent one by one"
)
NUMBER = parse_phone_number(PHONE)
SHARED = [LimitKey(COUNTRY, "US"), LimitKey(SITE)]
RATES = parse_rates("3/h")


@pytest.fixture(params=["as one statement", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "one by one":
        monkeypatch.setattr(numbers, "can_write_at_once", lambda *_: False)
    elif connection.vendor != "postgresql":
        pytest.skip("PostgreSQL alone writes so")
    return str(request.param)


@pytest.fixture
def code() -> OTPCode:
    for key in SHARED:
        Limit.objects.create(kind=key.kind, subject=key.subject, updated_at="2026-01-01T00:00Z")
    return OTPCodeFactory.create(phone_number=PHONE)


def read_row() -> NumberRow:
    query = NumberQuery(alias="default", phone_number=PHONE, purpose="login", shared=SHARED)
    return read_number(query)


def counts(row: NumberRow) -> list[Any]:
    """Return the writes that count one use in each shared row."""
    writes = []
    for shared in row.shared.values():
        now = shared.now.timestamp()
        counters = shared.counters.with_use(RATES, now)
        writes.append(shared.counted(counters, counters.room(RATES, now)))
    return writes


def everything() -> list[Any]:
    return [list(Limit.objects.order_by("pk").values()), list(OTPCode.objects.values())]


Break = Callable[[], object]

BREAKS: dict[str, Break] = {
    "the number": lambda: Limit.objects.filter(kind="number").update(version=9),
    "the number's row is gone": lambda: Limit.objects.filter(kind="number").delete(),
    "the code": lambda: OTPCode.objects.update(failed_attempts=2),
    "the first shared row": lambda: Limit.objects.filter(kind="country").update(version=9),
    "the last shared row": lambda: Limit.objects.filter(kind="site").update(version=9),
    "the uses of a shared row": lambda: Limit.objects.filter(kind="site").update(uses=1),
}


def test_all_of_it_is_written(way: str, code: OTPCode) -> None:
    row = read_row()
    guesses = row.state.guesses.with_one("strangers", code.short_id, row.now, code.expires_at)
    state = replace(row.state, guesses=guesses)
    row.replace(state, row.attempt(code), *counts(row))
    assert OTPCode.objects.get().failed_attempts == 1
    assert Limit.objects.get(kind="number").is_kept
    assert {*Limit.objects.exclude(kind="number").values_list("uses", flat=True)} == {1}


@pytest.mark.parametrize("has_changed", BREAKS.values(), ids=BREAKS)
def test_nothing_is_written_where_anything_has_changed(
    way: str, code: OTPCode, has_changed: Break
) -> None:
    row = read_row()
    has_changed()
    before = everything()
    with pytest.raises(LostRace):
        row.replace(row.state, row.attempt(code), *counts(row))
    assert everything() == before


def test_a_code_that_has_met_another_guess_meanwhile_is_not_redeemed(
    way: str, code: OTPCode
) -> None:
    row = read_row()
    OTPCode.objects.update(failed_attempts=2)
    before = everything()
    with pytest.raises(LostRace):
        row.replace(row.state, row.consumption(code, None))
    assert everything() == before


def test_a_new_code_is_written_beside_the_one_it_supersedes(way: str, code: OTPCode) -> None:
    row = read_row()
    new, insertion = row.new_code(
        phone_number=PHONE,
        region="US",
        purpose="login",
        key_id="k",
        code_length=6,
        created_at=row.now,
        expires_at=row.now + timedelta(minutes=10),
        backend="default",
        ip_address="192.0.2.1",
    )
    row.replace(row.state, insertion, row.supersession(code), *counts(row))
    assert OTPCode.objects.get(pk=code.pk).superseded_at == row.now
    stored = OTPCode.objects.get(pk=new.pk)
    assert {name: getattr(new, name) for name in vars(new) if name != "_state"} == {
        name: getattr(stored, name) for name in vars(stored) if name != "_state"
    }


def test_a_code_that_is_superseded_already_loses_no_race(way: str, code: OTPCode) -> None:
    OTPCode.objects.update(superseded_at=code.created_at)
    row = read_row()
    row.replace(row.state, row.supersession(code), *counts(row))
    assert OTPCode.objects.get().superseded_at == code.created_at


def test_uses_that_others_count_meanwhile_lose_no_race(way: str, code: OTPCode) -> None:
    _count_once()
    first, second = read_row(), read_row()
    # The number's row is another one for each request.
    first.replace(first.state, *counts(first))
    with connection.cursor() as cursor:
        write_in_order(cursor, counts(second))
    assert {*Limit.objects.exclude(kind="number").values_list("uses", flat=True)} == {3}


def test_a_limit_that_others_use_up_meanwhile_is_a_lost_race(way: str, code: OTPCode) -> None:
    for _ in range(2):
        _count_once()
    row = read_row()
    Limit.objects.filter(kind="site").update(uses=3)
    before = everything()
    with pytest.raises(LostRace):
        row.replace(row.state, *counts(row))
    assert everything() == before


def test_no_use_is_counted_in_a_row_that_another_has_replaced(way: str, code: OTPCode) -> None:
    _count_once()
    row = read_row()
    Limit.objects.filter(kind="site").update(version=9)
    before = everything()
    with pytest.raises(LostRace):
        row.replace(row.state, *counts(row))
    assert everything() == before


def _count_once() -> None:
    row = read_row()
    row.replace(row.state, *counts(row))


# Shared limits under parallel requests


@pytest.fixture
def at_once() -> Callable[[list[str]], list[Any]]:
    def ask(texts: list[str]) -> list[Any]:
        barrier = Barrier(len(texts), timeout=30)

        def one(text: str) -> Any:
            barrier.wait()
            try:
                return services.request_code(parse_phone_number(text), ip_address="192.0.2.9")
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(texts)) as pool:
            return list(pool.map(one, texts))

    return ask


NUMBERS = [f"+1415555{number}" for number in range(2100, 2140)]


@pytest.mark.parametrize("limits", [{"site": "8/h"}, {"ip": "8/h"}, {"country": "8/h,50/d"}])
def test_a_shared_limit_is_exact_under_parallel_requests(
    way: str, at_once: Callable[[list[str]], list[Any]], limits: dict[str, str]
) -> None:
    with override_sms_otp(LIMITS=limits, RESERVED_SHARE=0):
        answers = [*at_once(NUMBERS[:12]), *at_once(NUMBERS[12:24])]
    assert sum(isinstance(each, CodeRequested) for each in answers) == 8
    assert len(outbox) == 8
    [kind] = limits
    assert Limit.objects.get(kind=kind).uses == 8


@override_sms_otp(LIMITS={"site": "10/h"}, RESERVED_SHARE=0.4)
def test_the_reserve_of_a_cap_is_exact_under_parallel_requests(
    way: str, at_once: Callable[[list[str]], list[Any]]
) -> None:
    strangers, customers = NUMBERS[:18], NUMBERS[18:26]
    for text in customers:
        VerifiedPhoneFactory.create(phone_number=text)
    answers = [*at_once(strangers[:9]), *at_once(strangers[9:])]
    assert all(isinstance(each, CodeRequested) for each in answers)
    assert len(outbox) == 6
    answers = at_once(customers)
    assert sum(isinstance(each, CodeRequested) for each in answers) == 4
    assert {message.to for message in outbox[6:]} < {*customers}
    assert len(outbox) == 10


@on_postgresql
def test_requests_that_share_a_limit_do_not_read_again(
    at_once: Callable[[list[str]], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []
    read = numbers.read_number

    def note(*args: Any, **options: Any) -> NumberRow:
        reads.append(args)
        return read(*args, **options)

    monkeypatch.setattr("django_sms_otp.db.attempts.read_number", note)
    for text in NUMBERS[:24]:
        VerifiedPhoneFactory.create(phone_number=text)
    with override_sms_otp(LIMITS={"site": "5000/d", "country": "5000/d"}, COOLDOWN=[]):
        at_once(NUMBERS[:12])  # These make the rows.
        reads.clear()
        at_once(NUMBERS[:12])
    assert len(reads) == 12


def test_no_change_of_a_shared_row_is_lost() -> None:
    def redeem(_number: int) -> None:
        try:
            change_limit(LimitKey(COUNTRY, "US"), more)
        finally:
            connections.close_all()

    def more(row: LimitRow) -> Write:
        now = row.now.timestamp()
        return row.with_counters(row.counters.with_redeemed(now, sent_at=now, count=1))

    redeem(0)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(redeem, range(36)))
    cohorts = Limit.objects.get(kind="country").state["cohorts"]
    assert sum(redeemed for _start, _sent, redeemed in cohorts) == 37


# The way to the database


@on_postgresql
@pytest.mark.parametrize(
    "options",
    [{}, {"server_side_binding": True}, {"server_side_binding": True, "prepare_threshold": 0}],
    ids=["as it comes", "bound by the server", "planned by the server"],
)
def test_a_login_works_however_the_connection_binds_its_values(options: Any) -> None:
    with connected_with(**options):
        for _ in range(3):
            asked = services.request_code(NUMBER)
            assert isinstance(asked, CodeRequested)
            digits = outbox[-1].code or ""
            wrong: object = services.redeem_code("0" * 5 + "x", phone_number=NUMBER)
            assert not isinstance(wrong, Redeemed)
            assert isinstance(services.redeem_code(digits, phone_number=NUMBER), Redeemed)


@on_postgresql
def test_a_known_number_takes_one_statement_to_write() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    services.request_code(NUMBER)
    digits = outbox[-1].code or ""
    with CaptureQueriesContext(connection) as queries:
        services.redeem_code("1" + digits[1:] if digits[0] != "1" else "2", phone_number=NUMBER)
    assert [each["sql"][:6] for each in queries.captured_queries] == ["SELECT", "WITH r"]
    with CaptureQueriesContext(connection) as queries:
        services.redeem_code(digits, phone_number=NUMBER)
    starts = [each["sql"][:6] for each in queries.captured_queries]
    assert starts == ["SELECT", "SELECT", "WITH r"]
