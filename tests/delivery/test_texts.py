"""Texts of the site itself: over real sockets, by the backends and circuits of the codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_sms_otp import testing
from django_sms_otp.backends import locmem
from django_sms_otp.delivery import texts
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InsideTransaction,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import send_text

from ..conftest import PHONE
from ..support.fake_twilio import Answer, FakeTwilio, accepted
from ..support.gateways import (
    BLOCKED,
    HANGS_UP,
    NOT_SENT,
    REFUSED,
    composite,
    entries,
    gateways,
    twilio_entry,
)

pytestmark = pytest.mark.django_db

NUMBER = parse_phone_number(PHONE)
TEXT = "Your parcel 471 is here."


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, FakeTwilio]]:
    with gateways("first", "second") as found:
        yield found


@pytest.fixture
def twilios(running: dict[str, FakeTwilio], settings: Any) -> dict[str, FakeTwilio]:
    """Put a failover before two gateways."""
    for gateway in running.values():
        gateway.answers(accepted())
        gateway.requests.clear()
    failover = composite("failover", aliases=["first", "second"], failures=1)
    settings.SMS_OTP_BACKENDS = {"default": failover, **entries(running)}
    return running


def counts() -> dict[str, int]:
    return dict(HourlyCount.objects.values_list("event", "count"))


def test_a_text_arrives_as_it_is_and_leaves_no_row_but_its_count() -> None:
    result = send_text(NUMBER, TEXT, purpose="parcel", valid_for=timedelta(hours=1))
    assert result.alias == "default"
    [message] = testing.outbox
    assert (message.to, message.body, message.code) == (PHONE, TEXT, None)
    assert (message.purpose, message.region, message.channel) == ("parcel", "US", "sms")
    assert message.valid_for == timedelta(hours=1)
    assert counts() == {"text:sent": 1}
    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


def test_outside_of_a_transaction_a_text_costs_the_count_alone() -> None:
    with CaptureQueriesContext(connection) as queries:
        send_text(NUMBER, TEXT)
    assert [each["sql"] for each in queries if "hourlycount" in each["sql"]]
    savepoints = [each for each in queries if "SAVEPOINT" in each["sql"]]
    # The transaction of this test: elsewhere there is no savepoint.
    assert len(queries) - len(savepoints) <= 2


def test_a_failover_goes_on_and_the_circuit_is_the_one_of_the_codes(
    twilios: dict[str, FakeTwilio], caplog: pytest.LogCaptureFixture
) -> None:
    twilios["first"].answers(NOT_SENT)
    result = send_text(NUMBER, TEXT)
    assert (result.alias, bool(result.message_id)) == ("second", True)
    assert caplog.messages[-1].startswith("A text (text) to +1********71 by 'first': Twilio:")
    assert Limit.objects.get(kind="circuit").subject == "first"
    twilios["first"].requests.clear()
    assert send_text(NUMBER, TEXT).alias == "second"
    assert not twilios["first"].requests
    assert counts() == {"text:sent": 2}


def test_twilio_waits_for_no_feedback_and_reports_to_nobody(
    twilios: dict[str, FakeTwilio], settings: Any
) -> None:
    settings.SMS_OTP = {"PUBLIC_URL": "https://example.com"}
    send_text(NUMBER, TEXT)
    [request] = twilios["first"].requests
    assert request.form["Body"] == TEXT
    assert not {"ProvideFeedback", "StatusCallback"} & {*request.form}


@pytest.mark.parametrize(
    ("answer", "expected", "event"),
    [
        (NOT_SENT, NotDelivered, "text:not_sent"),
        (REFUSED, DeliveryRefused, "text:refused"),
        (BLOCKED, DeliveryBlocked, "text:blocked"),
        (HANGS_UP, DeliveryUnknown, "text:unknown"),
    ],
)
def test_a_failure_is_raised_counted_and_logged_without_words_and_number(
    twilios: dict[str, FakeTwilio],
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    expected: type[DeliveryError],
    event: str,
) -> None:
    for gateway in twilios.values():
        gateway.answers(answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(expected) as caught:
        send_text(NUMBER, TEXT, purpose="parcel")
    assert counts() == {event: 1}
    [record] = [each for each in caplog.records if each.msg.startswith("A text")]
    fields = vars(record)["sms_otp"]
    assert (fields["event"], fields["purpose"]) == ("text", "parcel")
    assert fields["outcome"] == caught.value.outcome
    said = repr(caught.value) + "".join(
        f"{each.getMessage()} {vars(each)}" for each in caplog.records
    )
    assert "parcel 471" not in said
    assert PHONE[1:] not in said


def test_a_backend_with_words_of_its_own_sends_no_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locmem.SMSBackend, "shows_text", lambda _self, _channel: False)
    with pytest.raises(NotDelivered, match="words of its own") as caught:
        send_text(NUMBER, TEXT)
    assert caught.value.needs_attention
    assert not testing.outbox
    assert counts() == {"text:not_sent": 1}


@pytest.mark.parametrize("custom_codes", [False, True])
def test_verify_sends_no_text(settings: Any, custom_codes: bool) -> None:
    entry = twilio_entry("http://127.0.0.1:9")
    options = {**entry["OPTIONS"], "service_sid": "VA" + "0" * 32, "custom_codes": custom_codes}
    del options["from_number"]
    path = "django_sms_otp.backends.twilio_verify.SMSBackend"
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": path, "OPTIONS": options},
        "texts": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
    }
    with pytest.raises(NotDelivered, match="'default' sends codes in words of its own"):
        send_text(NUMBER, TEXT)
    assert send_text(NUMBER, TEXT, backend="texts").alias == "texts"


def test_a_call_says_no_text(settings: Any) -> None:
    settings.SMS_OTP = {"CHANNELS": {"sms": "default", "voice": "default"}}
    with pytest.raises(NotDelivered, match="no other text by 'voice'"):
        send_text(NUMBER, TEXT, channel="voice")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((PHONE, TEXT), {}, TypeError, "read_phone_number"),
        ((NUMBER, 5), {}, TypeError, "body must be a str"),
        ((NUMBER, "  "), {}, ValueError, "body is empty"),
        ((NUMBER, TEXT), {"purpose": "a word"}, ValueError, "1 to 32 letters"),
        # Circuits pass over the messages of this one.
        ((NUMBER, TEXT), {"purpose": "test"}, ValueError, "another word than 'test'"),
        ((NUMBER, TEXT), {"channel": "voice"}, ValueError, "has no 'voice'. It has: sms"),
        ((NUMBER, TEXT), {"backend": "other"}, InvalidBackend, "other"),
    ],
)
def test_a_wrong_argument_is_refused(
    arguments: tuple[Any, Any],
    options: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        send_text(*arguments, **options)
    assert not testing.outbox
    assert not counts()


def test_no_text_leaves_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction, match="on_commit"):
        send_text(NUMBER, TEXT)
    assert not testing.outbox


@pytest.mark.django_db(transaction=True)
def test_a_text_leaves_after_the_commit() -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: send_text(NUMBER, TEXT))
        assert not testing.outbox
    assert len(testing.outbox) == 1


def test_the_log_names_a_text_by_its_purpose(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=texts.logger.name):
        send_text(NUMBER, TEXT, purpose="parcel")
    [record] = [each for each in caplog.records if "text" in each.getMessage()]
    assert record.getMessage() == "Sent a text (parcel) to +1********71 by 'default'."
