"""What receipts change, in whatever order they come, and who hears of them."""

from __future__ import annotations

import itertools
import logging
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from twilio.request_validator import RequestValidator

from django_sms_otp.backends import SMSMessage
from django_sms_otp.exceptions import DeliveryUnknown, NotDelivered
from django_sms_otp.models import DeliveryState, HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, RequestRefused
from django_sms_otp.services import request_code
from django_sms_otp.signals import delivery_updated
from django_sms_otp.stats.rollup import roll_up
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks.base import _log_once
from django_sms_otp.webhooks.receipts import Receipt, take

from ..conftest import PHONE
from ..support.callbacks import FORM, PUBLIC_URL, SID, TOKEN, Callback, twilio
from ..support.factories import OTPCodeFactory
from ..support.fake_twilio import MESSAGE_SID, fake_twilio
from ..support.two_gateways import sent, while_sending

BACKENDS = {
    "default": twilio(),
    "front": {"BACKEND": "tests.support.two_gateways.Front"},
    "first": {"BACKEND": "tests.support.two_gateways.Gateway"},
    "second": {"BACKEND": "tests.support.two_gateways.Gateway"},
    "broken": {"BACKEND": "nowhere.SMSBackend"},
}

pytestmark = pytest.mark.django_db

OTHER_ID = uuid.UUID(int=1)


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    keys = {**settings.SMS_OTP, "PUBLIC_URL": PUBLIC_URL, "COOLDOWN": []}
    with override_settings(SMS_OTP=keys, SMS_OTP_BACKENDS=BACKENDS):
        yield
    sent.clear()
    while_sending.clear()


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    signals: list[dict[str, Any]] = []

    def receiver(**kwargs: Any) -> None:
        signals.append(kwargs)

    delivery_updated.connect(receiver)
    yield signals
    delivery_updated.disconnect(receiver)


def sent_code(**values: Any) -> OTPCode:
    known = {"delivery_state": "sent", "message_id": SID, "sent_at": timezone.now()}
    code: OTPCode = OTPCodeFactory.create(**(known | values))
    return code


def row_of(code: OTPCode) -> OTPCode:
    return OTPCode.objects.get(pk=code.pk)


# One receipt


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((word, "sent") for word in ("accepted", "queued", "sending", "sent")),
        *((word, "delivered") for word in ("delivered", "read")),
        *((word, "undelivered") for word in ("undelivered", "failed")),
        *((word, "unknown") for word in ("scheduled", "receiving", "partially_delivered", "")),
    ],
)
def test_what_twilio_says_of_a_message_that_nobody_knew_of(status: str, expected: str) -> None:
    code = OTPCodeFactory.create(delivery_state="unknown", delivery_error="ReadTimeout")
    assert Callback(code=code, status=status).post() == 204
    row = row_of(code)
    assert row.delivery_state == expected
    assert (row.message_id, row.sent_at is not None) == (
        ("", False) if expected == "unknown" else (SID, True)
    )
    assert row.delivery_error == {"unknown": "ReadTimeout", "undelivered": status}.get(
        expected, ""
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((word, "sent") for word in ("queued", "initiated", "ringing", "in-progress")),
        *((word, "undelivered") for word in ("busy", "no-answer", "failed", "canceled")),
        ("completed", "delivered"),
    ],
)
def test_what_twilio_says_of_a_call(status: str, expected: str) -> None:
    code = OTPCodeFactory.create(delivery_state="unknown", channel="voice")
    call = {"MessageSid": "", "MessageStatus": "", "CallSid": "CA1", "CallStatus": status}
    assert Callback(code=code, fields=call).post() == 204
    row = row_of(code)
    assert (row.delivery_state, row.message_id) == (expected, "CA1")
    assert row.delivery_error == (status if expected == "undelivered" else "")


NOW = datetime(2027, 3, 1, 12, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ("2703011229", NOW - timedelta(seconds=50)),  # rounded down, to before it was sent
        ("2703011230", NOW.replace(second=0)),
        ("2703011231", NOW),  # not yet
        ("2703010730", NOW),  # New York's time
        ("2703011330", NOW),  # Berlin's time
        ("2713451299", NOW),
        ("soon", NOW),
        ("", NOW),
    ],
)
def test_when_it_arrived_is_the_carriers_word_if_that_can_be(
    done: str, expected: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    code = sent_code(created_at=NOW - timedelta(seconds=50))
    Callback(code=code, fields={"RawDlrDoneDate": done}).post()
    assert row_of(code).delivered_at == expected


@pytest.mark.parametrize(
    ("error_code", "level"),
    [
        *((code, logging.INFO) for code in ("30003", "30004", "30005", "30006", "30007")),
        *((code, logging.INFO) for code in ("30008", "99999", "no number")),
        *((code, logging.ERROR) for code in ("30002", "30034", "21608", "21606", "21212")),
        *((code, logging.ERROR) for code in ("30450", "30453")),
    ],
)
def test_what_somebody_must_mend_is_logged_as_error(
    error_code: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    code = sent_code(phone_number=PHONE)
    with caplog.at_level(logging.DEBUG, logger="django_sms_otp"):
        for _ in range(2):
            Callback(code=code, status="failed", fields={"ErrorCode": error_code}).post()
    shown = error_code if error_code.isdecimal() else "failed"
    assert row_of(code).delivery_error == shown
    [line] = [each for each in caplog.records if "by 'default'" in each.getMessage()]
    assert line.levelno == level
    assert line.getMessage().endswith(f"by 'default': undelivered ({shown}).")
    assert PHONE not in caplog.text


def test_the_address_that_a_message_names_takes_its_receipt(client: Client) -> None:
    """From the request to the receipt, with Twilio's own SDK at both ends."""
    with fake_twilio() as gateway:
        entry = twilio(base_url=gateway.base_url)
        with override_settings(SMS_OTP_BACKENDS={"default": entry}):
            request_code(parse_phone_number(PHONE))
            named = gateway.requests[-1].form["StatusCallback"]
            address = named.partition("#")[0]  # A fragment never leaves who calls.
            form = {"MessageSid": MESSAGE_SID, "MessageStatus": "delivered"}
            signature = RequestValidator(TOKEN).compute_signature(address, form)
            path = address.removeprefix(PUBLIC_URL)
            headers = {"X-Twilio-Signature": signature}
            answer = client.post(path, urlencode(form), content_type=FORM, headers=headers)
    assert answer.status_code == 204
    assert OTPCode.objects.get().delivery_state == "delivered"


@override_sms_otp(CONVERSION_BREAKER={})
@pytest.mark.parametrize(("error_code", "blocks"), [("30453", 1), ("30003", 0), ("30002", 0)])
def test_what_twilio_stops_as_fraud_blocks_the_prefix(error_code: str, blocks: int) -> None:
    code = sent_code(phone_number=PHONE)
    for _ in range(2):
        Callback(code=code, status="undelivered", fields={"ErrorCode": error_code}).post()
    blocked = [row for row in Limit.objects.all() if row.state.get("blocked_until")]
    assert len(blocked) == blocks
    if blocks:
        assert (blocked[0].kind, blocked[0].subject) == ("prefix", "+1415555")
        ask()
        newest = OTPCode.objects.order_by("created_at").last()
        assert newest
        assert newest.withheld_by == "breaker"


# Many receipts


@pytest.mark.parametrize("last", ["delivered", "undelivered"])
def test_in_any_order_the_row_is_as_far_as_the_furthest(last: str) -> None:
    words = ("queued", "sending", "sent", last)
    for order in itertools.permutations(words):
        code = OTPCodeFactory.create(delivery_state="unknown")
        states = ["unknown"]
        for word in order:
            assert Callback(code=code, status=word).post() == 204
            states.append(row_of(code).delivery_state)
        assert states == sorted(states, key=["unknown", "sent", last].index), order
        assert states[-1] == last


def test_of_two_that_contradict_each_other_the_first_holds() -> None:
    words = ("delivered", "undelivered", "read", "failed", "sent")
    for order in itertools.permutations(words, 3):
        code = sent_code()
        for word in order:
            Callback(code=code, status=word, fields={"ErrorCode": "30003"}).post()
        row = row_of(code)
        first = next(word for word in order if word != "sent")
        arrived = first in {"delivered", "read"}
        expected = ("delivered", "", True) if arrived else ("undelivered", "30003", False)
        assert (row.delivery_state, row.delivery_error, bool(row.delivered_at)) == expected


def test_a_replayed_receipt_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    code = sent_code()
    Callback(code=code).post()
    before = OTPCode.objects.filter(pk=code.pk).values().get()
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    assert [Callback(code=code).post() for _ in range(3)] == [204] * 3
    assert OTPCode.objects.filter(pk=code.pk).values().get() == before


def test_a_receipt_costs_three_statements() -> None:
    """Read, write, and read what is there: by primary key, all of them."""
    code = sent_code()
    with CaptureQueriesContext(connection) as queries:
        Callback(code=code).post()
    assert len(queries) == 3


@pytest.mark.django_db(transaction=True)
def test_parallel_receipts_leave_one_truth() -> None:
    words = ["delivered", "undelivered", "sent", "failed", "queued", "read"] * 4

    def call(code: OTPCode, word: str) -> int:
        try:
            return Callback(code=code, status=word, fields={"ErrorCode": "30003"}).post()
        finally:
            connections.close_all()

    for _ in range(3):
        code = OTPCodeFactory.create(delivery_state="unknown")
        with ThreadPoolExecutor(len(words)) as pool:
            answers = list(pool.map(call, [code] * len(words), words))
        assert answers == [204] * len(words)
        row = row_of(code)
        found = (row.delivery_state, row.delivery_error, bool(row.delivered_at))
        assert found in {("delivered", "", True), ("undelivered", "30003", False)}


# Receipts that are not for the row


@pytest.mark.parametrize(
    "strange",
    [
        {"send_count": 1},
        {"send_count": 3},
        {"send_count": "two"},
        {"send_count": 10**30},
        {"send_count": "%C2%B2"},
        {"sid": "SM" + "b" * 32},
        {"sid": ""},
        {"sid": "SM\x00"},
    ],
    ids=str,
)
def test_a_receipt_for_another_message_changes_nothing(
    strange: dict[str, Any], heard: list[Any]
) -> None:
    code = sent_code(send_count=2)
    values: dict[str, Any] = {"code": code, "send_count": 2, **strange}
    assert Callback(**values).post() == 204
    assert row_of(code).delivery_state == "sent"
    assert heard == []


@pytest.mark.parametrize("state", ["pending", "failed", "withheld"])
def test_a_message_that_was_not_sent_has_no_receipts(state: str, heard: list[Any]) -> None:
    code = OTPCodeFactory.create(delivery_state=state)
    assert Callback(code=code).post() == 204
    assert row_of(code).delivery_state == state
    assert heard == []


def test_a_gateway_that_speaks_twilios_language_may_name_messages_by_a_uuid() -> None:
    sid = str(uuid.uuid4())
    code = sent_code(message_id=sid)
    Callback(code=code, sid=sid).post()
    assert row_of(code).delivery_state == "delivered"


def test_a_receipt_for_a_code_that_is_not_here_is_not_lost_without_a_word(
    caplog: pytest.LogCaptureFixture, heard: list[Any]
) -> None:
    _log_once.cache_clear()
    code = sent_code()

    assert Callback(code=OTHER_ID).post() == 404
    assert row_of(code).delivery_state == "sent"
    assert heard == []
    assert "names a code that is not here" in caplog.text
    OTPCode.objects.all().delete()
    assert Callback(code=code).post() == 404


@pytest.mark.parametrize(("backend", "changes"), [("second", False), ("first", True)])
def test_a_receipt_of_one_alias_changes_no_row_of_another(backend: str, changes: bool) -> None:
    code = sent_code(backend=backend)

    Callback(code=code, alias="first").post()

    assert (row_of(code).delivery_state == "delivered") is changes


def test_an_empty_message_id_opens_no_row_of_another_alias() -> None:
    code = sent_code(backend="second", message_id="")

    Callback(code=code, alias="first").post()

    assert row_of(code).delivery_state == "sent"


# Receipts that are faster than our own record


def call_back(status: str, **values: Any) -> Callable[[str, SMSMessage], None]:
    """Return a step of a gateway that calls back before it answers."""

    def step(alias: str, message: SMSMessage) -> None:
        callback = Callback(
            **{
                "code": message.request_id,
                "send_count": message.send_count,
                "alias": alias,
                "sid": f"SM{alias}{message.send_count}",
                "status": status,
                **values,
            }
        )
        assert callback.post() == 204

    return step


def fail(error: Exception, *, by: str) -> Callable[[str, SMSMessage], None]:
    def step(alias: str, message: SMSMessage) -> None:
        if alias == by:
            raise error

    return step


def ask(alias: str = "front") -> Any:
    with override_sms_otp(CHANNELS={"sms": alias}):
        return request_code(parse_phone_number(PHONE))


@pytest.mark.parametrize("alias", ["front", "first"])
@pytest.mark.parametrize(
    ("status", "state", "error"),
    [("sent", "sent", ""), ("delivered", "delivered", ""), ("failed", "undelivered", "30003")],
)
def test_a_receipt_that_is_there_before_the_answer_is_kept(
    alias: str, status: str, state: str, error: str
) -> None:
    while_sending.append(call_back(status, fields={"ErrorCode": "30003"}))
    assert isinstance(ask(alias), CodeRequested)
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.delivery_error) == (state, error)
    assert (row.backend, row.message_id) == ("first", "SMfirst1")
    assert (row.delivered_at is not None) == (state == "delivered")


@pytest.mark.parametrize("status", ["sent", "delivered"])
def test_a_receipt_outdoes_an_answer_that_never_came(status: str) -> None:
    while_sending.append(call_back(status))
    while_sending.append(fail(DeliveryUnknown(error_code="ReadTimeout"), by="first"))
    answer = ask("first")
    assert isinstance(answer, RequestRefused)
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.delivery_error) == (status, "")
    assert row.message_id == "SMfirst1"
    assert row.sent_at is not None


def test_a_receipt_resolves_a_message_that_nobody_knew_of() -> None:
    while_sending.append(fail(DeliveryUnknown(error_code="ReadTimeout"), by="first"))
    ask()
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.backend) == ("unknown", "first")
    Callback(code=row, alias="first", status="queued").post()
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.delivery_error, row.message_id) == ("sent", "", SID)


def test_a_gateway_that_failed_has_no_word_on_the_message_of_the_next() -> None:
    """Not before the next one's answer is recorded, nor after."""

    def refused(alias: str, message: SMSMessage) -> None:
        if alias == "first":
            call_back("failed")(alias, message)
            raise NotDelivered

    while_sending.append(refused)
    ask()
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.backend) == ("sent", "second")
    assert row.message_id == "SMsecond1"
    assert row.delivery_error == ""
    Callback(code=row, alias="first", sid="SMfirst1", status="failed").post()
    assert OTPCode.objects.get().delivery_state == "sent"


def test_a_gateway_that_failed_has_no_word_where_the_next_one_gives_no_ids() -> None:
    code = sent_code(backend="second", message_id="")
    Callback(code=code, alias="first", status="failed").post()
    assert row_of(code).delivery_state == "sent"


# What comes of it


def test_after_an_undelivered_message_the_next_code_goes_another_way() -> None:
    with override_sms_otp(LIMITS={"phone": None, "phone_ip": None}):
        first = ask()
        again = ask()
        assert first.request_id == again.request_id  # Nothing is known to be wrong.
        row = OTPCode.objects.get()
        Callback(
            code=row, alias="first", send_count=2, sid="SMfirst2", status="undelivered"
        ).post()
        other = ask()
    assert other.request_id == first.request_id
    assert [alias for alias, _message in sent] == ["first", "first", "second"]
    assert sent[-1][1].avoid == {"first"}
    assert sent[-1][1].code == sent[0][1].code
    assert OTPCode.objects.get(pk=other.request_id).backend == "second"


def test_after_a_delivered_message_the_same_code_goes_the_same_way() -> None:
    first = ask()
    row = OTPCode.objects.get()
    Callback(code=row, alias="first", sid="SMfirst1").post()
    again = ask()
    assert again.request_id == first.request_id
    assert [alias for alias, _message in sent] == ["first", "first"]
    assert OTPCode.objects.get().delivery_state == "sent"


def test_delivered_codes_are_counted() -> None:
    codes = [sent_code() for _ in range(3)]
    for code, status in zip(codes, ("delivered", "read", "undelivered"), strict=True):
        Callback(code=code, status=status).post()
    roll_up()
    counts = HourlyCount.objects.filter(event__in=["sent", "delivered"])
    assert dict(counts.values_list("event", "count")) == {"sent": 3, "delivered": 2}


# Who hears of it


def test_a_receiver_gets_the_row_and_the_receipt(heard: list[dict[str, Any]]) -> None:
    code = sent_code(phone_number=PHONE)
    Callback(code=code, status="undelivered", fields={"ErrorCode": "30003", "New": "1"}).post()
    [signal] = heard
    receipt = signal["receipt"]
    assert isinstance(receipt, Receipt)
    assert signal["sender"] is OTPCode
    assert signal["otp_code"].delivery_state == "undelivered"
    assert (str(signal["phone_number"]), signal["purpose"]) == ("+1********71", "login")
    assert (receipt.status, receipt.error_code, receipt.alias) == (
        "undelivered",
        "30003",
        "default",
    )
    assert (receipt.request_id, receipt.send_count) == (code.pk, 1)
    assert receipt.raw["New"] == "1"
    assert receipt.raw["To"] not in repr(receipt)


def test_no_signal_goes_back(heard: list[dict[str, Any]]) -> None:
    code = sent_code()
    for status in ("sent", "delivered", "sent", "failed", "delivered"):
        Callback(code=code, status=status).post()
    states = [signal["receipt"].status.value for signal in heard]
    assert states == ["sent", "delivered", "delivered"]


def test_a_receiver_that_failed_hears_of_it_when_the_gateway_calls_again(
    request: pytest.FixtureRequest,
) -> None:
    failures = 2

    def failing(**_kwargs: Any) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise RuntimeError("The site's own database is down.")

    delivery_updated.connect(failing)
    request.addfinalizer(lambda: delivery_updated.disconnect(failing))
    # The one behind it hears nevertheless.
    heard = request.getfixturevalue("heard")
    code = sent_code()
    assert [Callback(code=code).post() for _ in range(3)] == [500, 500, 204]
    # What the gateway said was written at once.
    assert [signal["otp_code"].delivery_state for signal in heard] == ["delivered"] * 3
    assert len({signal["otp_code"].delivered_at for signal in heard}) == 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_is_told_of_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    inside: list[bool] = []

    def receiver(**_kwargs: Any) -> None:
        inside.append(connection.in_atomic_block)

    delivery_updated.connect(receiver)
    try:
        Callback(code=sent_code()).post()
    finally:
        delivery_updated.disconnect(receiver)
    assert inside == [False]


def test_a_call_that_nobody_answers_is_not_its_gateways_fault() -> None:
    row = sent_code(channel="voice")
    Callback(code=row, status="undelivered").post()
    assert (row_of(row).delivery_state, row_of(row).undelivered_by) == ("undelivered", "")


def test_a_receipt_that_names_no_message_is_for_its_own_alias_alone() -> None:
    row = sent_code(message_id="", backend="elsewhere")
    receipt = {"request_id": row.pk, "send_count": 1, "status": DeliveryState.DELIVERED}
    for alias, state in (("first", "sent"), ("elsewhere", "delivered")):
        assert take(Receipt(alias=alias, **receipt))
        assert row_of(row).delivery_state == state
