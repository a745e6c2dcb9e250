"""The statements by hand do what the ORM would do with the same rows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from django_sms_otp.db.numbers import NumberQuery, read_number
from django_sms_otp.db.statements import CODE_FIELDS, LIMIT_FIELDS, record_delivery
from django_sms_otp.limits.keys import CIRCUIT, COUNTRY, IP, SITE, LimitKey
from django_sms_otp.models import DeliveryState, Limit, OTPCode

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
STATE = {"sends": [[1.5, "ab\u00e9"]], "known": []}
SHARED = [LimitKey(IP, "192.0.2.1"), LimitKey(COUNTRY, "US"), LimitKey(SITE)]


def limit(key: LimitKey, **columns: Any) -> Limit:
    values = {"state": STATE, "uses": 3, "version": 2**62, "updated_at": NOW, **columns}
    return Limit.objects.create(kind=key.kind, subject=key.subject, **values)


def query(**given: Any) -> NumberQuery:
    values = {"alias": "default", "phone_number": PHONE, "purpose": "login", **given}
    return NumberQuery(**values)


def columns_of(row: Any, fields: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in fields}


def test_a_row_is_read_as_the_orm_reads_it() -> None:
    stored = limit(LimitKey("number", PHONE), is_kept=True)
    read = read_number(query()).row.stored
    assert read == stored
    assert columns_of(read, LIMIT_FIELDS) == columns_of(Limit.objects.get(), LIMIT_FIELDS)


@pytest.mark.parametrize("by_id", [False, True])
def test_a_code_is_read_as_the_orm_reads_it(by_id: bool) -> None:
    stored = OTPCodeFactory.create(
        phone_number=PHONE, ip_address="192.0.2.1", user=UserFactory.create(), exempt=True
    )
    asked = query(phone_number=None, request_id=stored.pk) if by_id else query()
    row = read_number(asked)
    code = row.newest()
    assert row.e164 == PHONE
    assert columns_of(code, CODE_FIELDS) == columns_of(OTPCode.objects.get(), CODE_FIELDS)


def test_unexpired_codes_of_the_purpose_are_read_newest_first() -> None:
    first = OTPCodeFactory.create(phone_number=PHONE)
    second = OTPCodeFactory.create(phone_number=PHONE)
    OTPCodeFactory.create(phone_number=PHONE, purpose="verify_phone")
    OTPCodeFactory.create(phone_number=PHONE, created_at=NOW, expires_at=LATER)
    OTPCodeFactory.create()
    row = read_number(query())
    assert [columns[0] for columns in row.codes] == [second.pk, first.pk]
    assert row.newest() == second
    assert row.code(first.pk) == first


def test_shared_rows_are_read_along_and_no_row_of_another_kind() -> None:
    for key in (LimitKey("number", PHONE), *SHARED, LimitKey(CIRCUIT, "US")):
        limit(key)
    row = read_number(query(shared=SHARED))
    assert {key: each.stored and each.stored.key for key, each in row.shared.items()} == {
        key: key for key in SHARED
    }


def test_a_number_and_shared_rows_that_nobody_knows_are_read_as_none() -> None:
    row = read_number(query(shared=SHARED))
    assert row.row.stored is None
    assert {each.stored for each in row.shared.values()} == {None}
    assert read_number(query(phone_number=None, request_id=uuid.uuid4())).e164 == ""


RECEIPTS = ["delivered", "undelivered"]


def record(otp_code: OTPCode, state: DeliveryState, message_id: str = "SM1") -> int:
    values = {
        "id": otp_code.pk,
        "claimed_at": otp_code.claimed_at,
        "backend": "second",
        "delivery_state": state,
        "delivery_error": "30001",
        "message_id": message_id,
        "sent_at": NOW,
    }
    with connection.cursor() as cursor:
        return record_delivery(state).execute(cursor, values)


def delivery(otp_code: OTPCode) -> tuple[str, str, str, str]:
    row = OTPCode.objects.get(pk=otp_code.pk)
    return row.delivery_state, row.delivery_error, row.backend, row.message_id


def test_the_fate_of_a_message_is_written() -> None:
    otp_code = OTPCodeFactory.create()
    assert record(otp_code, DeliveryState.SENT) == 1
    assert delivery(otp_code) == ("sent", "30001", "second", "SM1")
    assert OTPCode.objects.get().sent_at == NOW


def test_a_message_that_was_sent_again_meanwhile_is_left_to_the_later_attempt() -> None:
    otp_code = OTPCodeFactory.create()
    OTPCode.objects.update(claimed_at=otp_code.created_at + timedelta(seconds=1))
    assert record(otp_code, DeliveryState.SENT) == 0
    assert delivery(otp_code)[0] == "pending"


@pytest.mark.parametrize("state", RECEIPTS)
@pytest.mark.parametrize("message_id", ["", "SM1"])
def test_a_receipt_that_was_faster_is_kept(state: str, message_id: str) -> None:
    otp_code = OTPCodeFactory.create(delivery_state=state, message_id=message_id)
    record(otp_code, DeliveryState.SENT)
    assert delivery(otp_code) == (state, "", "second", "SM1")


def test_a_receipt_for_another_message_is_not_kept() -> None:
    otp_code = OTPCodeFactory.create(delivery_state="delivered", message_id="SM0")
    record(otp_code, DeliveryState.SENT)
    assert delivery(otp_code)[0] == "sent"


@pytest.mark.parametrize("state", [*RECEIPTS, "sent"])
def test_a_receipt_is_kept_where_no_answer_came(state: str) -> None:
    otp_code = OTPCodeFactory.create(delivery_state=state, message_id="SM1")
    record(otp_code, DeliveryState.UNKNOWN)
    assert delivery(otp_code) == (state, "", "second", "SM1")


def test_a_failure_is_written_over_what_only_a_claim_has_said() -> None:
    otp_code = OTPCodeFactory.create(delivery_state="sent", message_id="SM1")
    record(otp_code, DeliveryState.FAILED)
    assert delivery(otp_code) == ("failed", "30001", "second", "SM1")
