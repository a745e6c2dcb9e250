"""What a request for a code answers, records and logs, by how its delivery went."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.delivery import deliver
from django_sms_otp.delivery.messages import compose
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    InvalidSettings,
    NotDelivered,
)
from django_sms_otp.logs import short_id
from django_sms_otp.models import DeliveryState, Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RequestRefused
from django_sms_otp.testing import override_sms_otp

from ..support.factories import OTPCodeFactory

pytestmark = pytest.mark.django_db

PHONE = parse_phone_number("+14155552671")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
THIRTY_SECONDS = timedelta(seconds=30)

Send = Callable[[SMSMessage], SendResult]


class ScriptedBackend(BaseSMSBackend):
    """Does what the test has written down."""

    script: list[Send | Exception] = []
    sent: list[SMSMessage] = []

    def send(self, message: SMSMessage) -> SendResult:
        self.sent.append(message)
        step = self.script.pop(0) if self.script else succeed
        if isinstance(step, Exception):
            raise step
        return step(message)


def succeed(message: SMSMessage) -> SendResult:
    return SendResult(message_id=f"id of {message.request_id}")


@pytest.fixture(autouse=True)
def script(settings: Any) -> Iterator[list[Send | Exception]]:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.ScriptedBackend"}}
    yield ScriptedBackend.script
    ScriptedBackend.script.clear()
    ScriptedBackend.sent.clear()


Script = list[Send | Exception]


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def the_row() -> OTPCode:
    return OTPCode.objects.get()


def refusal() -> RequestRefused:
    outcome = services.request_code(PHONE)
    assert isinstance(outcome, RequestRefused)
    return outcome


def success() -> CodeRequested:
    outcome = services.request_code(PHONE)
    assert isinstance(outcome, CodeRequested)
    return outcome


# Sent


@pytest.mark.usefixtures("noon")
def test_a_sent_message_is_recorded() -> None:
    answer = success()

    row = the_row()
    assert row.id == answer.request_id
    assert row.delivery_state == DeliveryState.SENT
    assert row.sent_at == NOON
    assert row.message_id == f"id of {row.id}"
    assert (row.delivery_error, row.backend) == ("", "default")


@pytest.mark.usefixtures("noon")
def test_the_backend_gets_the_whole_message() -> None:
    success()

    [message] = ScriptedBackend.sent
    assert message.to == "+14155552671"
    assert message.code is not None
    assert message.body == f"Your code is {message.code}"
    assert (message.purpose, message.request_id) == ("login", the_row().id)
    assert message.valid_for == timedelta(minutes=10)


@override_sms_otp(MESSAGE="{code} {minutes}", COOLDOWN=[timedelta(seconds=30)])
def test_a_message_that_is_sent_again_has_the_rest_of_the_lifetime(
    noon: time_machine.Traveller,
) -> None:
    success()
    noon.shift(timedelta(minutes=4, seconds=30))
    success()

    first, second = ScriptedBackend.sent
    assert first.code == second.code
    assert second.valid_for == timedelta(minutes=5, seconds=30)
    assert second.body == f"{second.code} 5"


def test_a_long_message_id_is_cut_to_its_column(script: Script) -> None:
    script.append(lambda _: SendResult(message_id="x" * 500))

    success()

    assert the_row().message_id == "x" * 128


def test_a_code_whose_key_is_gone_is_not_sent() -> None:
    success()
    row = the_row()

    with (
        override_sms_otp(SECRET_KEYS=["another"]),
        pytest.raises(NotDelivered, match="key of this code is gone"),
    ):
        deliver(row)

    assert len(ScriptedBackend.sent) == 1


# Not sent


@pytest.mark.usefixtures("noon")
def test_not_delivered_is_refused_with_its_wait(script: Script) -> None:
    wait = timedelta(seconds=7)
    script.append(NotDelivered("Down.", error_code="20429", retry_after=wait))

    assert refusal() == RequestRefused(reason="delivery_failed", retry_after=wait)

    row = the_row()
    assert row.delivery_state == DeliveryState.FAILED
    assert row.delivery_error == "20429"
    assert (row.sent_at, row.message_id) == (None, "")


@pytest.mark.usefixtures("noon")
def test_not_delivered_gives_the_cooldown_back(script: Script) -> None:
    script.append(NotDelivered("Down."))
    refusal()

    answer = success()

    # The first wait once more, not the second one of the schedule.
    assert answer.resend_available_at - NOON < timedelta(seconds=31)
    assert the_row().delivery_state == DeliveryState.SENT
    claimed_at = the_row().claimed_at
    assert claimed_at is not None
    [send] = Limit.objects.get().state["sends"]
    assert send[0] == claimed_at.timestamp()


def test_not_delivered_keeps_the_cooldown_of_earlier_messages(
    noon: time_machine.Traveller, script: Script
) -> None:
    success()
    noon.shift(THIRTY_SECONDS)
    script.append(NotDelivered("Down."))
    assert refusal().reason == "delivery_failed"

    answer = success()
    wait = answer.resend_available_at - (NOON + THIRTY_SECONDS)

    # Two messages have gone out: the second wait of the schedule.
    assert timedelta(seconds=60) <= wait < timedelta(seconds=61)


def test_a_long_error_code_is_cut_to_its_column(script: Script) -> None:
    script.append(NotDelivered("Down.", error_code="x" * 500))

    refusal()

    assert the_row().delivery_error == "x" * 64


# Nobody knows


@pytest.mark.usefixtures("noon")
def test_unknown_is_refused_with_what_was_issued(script: Script) -> None:
    script.append(DeliveryUnknown("Late.", error_code="ReadTimeout"))

    outcome = refusal()

    row = the_row()
    assert (outcome.reason, outcome.retry_after) == ("delivery_failed", THIRTY_SECONDS)
    assert outcome.issued is not None
    assert outcome.issued.request_id == row.id
    assert outcome.issued.expires_at == row.expires_at
    assert row.delivery_state == DeliveryState.UNKNOWN
    assert row.delivery_error == "ReadTimeout"


@pytest.mark.usefixtures("noon")
def test_unknown_keeps_the_cooldown_and_sends_nothing_by_itself(script: Script) -> None:
    script.append(DeliveryUnknown("Late."))
    refusal()

    outcome = refusal()

    assert outcome.reason == "cooldown"
    assert len(ScriptedBackend.sent) == 1


def test_unknown_leaves_the_code_good(script: Script) -> None:
    script.append(DeliveryUnknown("Late."))
    refusal()
    code = ScriptedBackend.sent[0].code
    assert code is not None

    assert isinstance(services.redeem_code(code, phone_number=PHONE), Redeemed)


# Refused for the number


REASONS = [
    "invalid_phone_number",
    "phone_number_not_sms_capable",
    "region_not_supported",
    "recipient_opted_out",
]


@pytest.mark.usefixtures("noon")
@pytest.mark.parametrize("reason", REASONS)
def test_a_refused_number_is_answered_with_the_word_and_keeps_the_cooldown(
    script: Script, reason: str
) -> None:
    script.append(DeliveryRefused("No.", code=reason, error_code="21211"))

    assert refusal() == RequestRefused(reason=reason)
    assert refusal().reason == "cooldown"

    row = the_row()
    assert row.delivery_state == DeliveryState.FAILED
    assert row.delivery_error == "21211"
    assert len(ScriptedBackend.sent) == 1


# Blocked as fraud


@pytest.mark.usefixtures("noon")
def test_a_fraud_block_is_answered_like_a_success(script: Script) -> None:
    script.append(DeliveryBlocked("Fraud.", error_code="30450"))

    answer = success()

    row = the_row()
    assert answer == CodeRequested(
        request_id=row.id,
        expires_at=NOON + timedelta(minutes=10),
        resend_available_at=NOON + THIRTY_SECONDS,
        code_length=6,
    )
    assert row.delivery_state == DeliveryState.FAILED
    assert row.delivery_error == "30450"
    assert refusal().reason == "cooldown"


# Errors that are not ours


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that is attached to it, shown in a traceback or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explode(message: SMSMessage) -> SendResult:
    raise RuntimeError(f"Cannot send {message.body!r} ({message.code}) to {message.to}.")


@pytest.mark.usefixtures("noon")
def test_a_foreign_error_means_that_nobody_knows(script: Script) -> None:
    script.append(explode)

    outcome = refusal()

    assert outcome.reason == "delivery_failed"
    assert outcome.issued is not None
    assert the_row().delivery_state == DeliveryState.UNKNOWN
    assert the_row().delivery_error == "RuntimeError"
    assert refusal().reason == "cooldown"


def test_the_log_of_a_foreign_error_has_its_place_but_not_its_text(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.append(explode)

    with caplog.at_level(logging.DEBUG):
        refusal()

    code = ScriptedBackend.sent[0].code
    assert code is not None
    shown = caplog.text + repr([record.args for record in caplog.records])
    assert "failed with RuntimeError" in shown
    assert "in explode" in shown
    assert code not in shown
    assert PHONE.e164.removeprefix("+") not in shown
    assert [record.exc_info for record in caplog.records if record.exc_info] == []
    assert "ERROR" in {record.levelname for record in caplog.records}


def test_no_exception_of_a_foreign_error_shows_the_code(script: Script) -> None:
    success()
    script.append(explode)

    with pytest.raises(DeliveryUnknown) as caught:
        deliver(the_row())

    shown = "".join(traceback.format_exception(caught.value))
    shown += "".join(f"{each!s}{each!r}{vars(each)}" for each in chain_of(caught.value))
    code = ScriptedBackend.sent[-1].code
    assert code is not None
    assert code not in shown
    assert PHONE.e164.removeprefix("+") not in shown


def test_a_process_that_is_to_end_is_not_held_up(script: Script) -> None:
    def interrupted(_: SMSMessage) -> SendResult:
        raise KeyboardInterrupt

    script.append(interrupted)

    with pytest.raises(KeyboardInterrupt):
        services.request_code(PHONE)

    assert the_row().delivery_state == DeliveryState.UNKNOWN


# What is logged


LEVELS: list[tuple[Send | Exception, int]] = [
    (succeed, logging.INFO),
    (NotDelivered("Down."), logging.WARNING),
    (NotDelivered("Suspended.", needs_attention=True), logging.ERROR),
    (DeliveryUnknown("Late."), logging.WARNING),
    (DeliveryRefused("No.", code="invalid_phone_number"), logging.INFO),
    (DeliveryRefused("No.", code="region_not_supported", needs_attention=True), logging.ERROR),
    (DeliveryBlocked("Fraud."), logging.ERROR),
]


@pytest.mark.parametrize(
    ("step", "level"),
    LEVELS,
    ids=["sent", "down", "suspended", "late", "refused", "region", "fraud"],
)
def test_what_needs_attention_is_logged_as_an_error(
    script: Script, caplog: pytest.LogCaptureFixture, step: Send | Exception, level: int
) -> None:
    script.append(step)

    with caplog.at_level(logging.DEBUG, "django_sms_otp"):
        services.request_code(PHONE)

    [record] = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert record.levelno == level
    assert short_id(the_row().id) in record.getMessage()
    assert PHONE.masked in record.getMessage()


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (NotDelivered("Down."), "Down. Not sent."),
        (DeliveryUnknown("Late."), "Late. Unknown whether it was sent."),
        (DeliveryRefused("No.", code="invalid_phone_number"), "No. Refused for this number."),
        (DeliveryBlocked("Fraud."), "Fraud. Not sent."),
    ],
    ids=["not sent", "unknown", "refused", "blocked"],
)
def test_the_line_ends_with_what_became_of_the_message(
    script: Script, caplog: pytest.LogCaptureFixture, step: Exception, outcome: str
) -> None:
    script.append(step)

    with caplog.at_level(logging.INFO, "django_sms_otp"):
        services.request_code(PHONE)

    [text] = [each.getMessage() for each in caplog.records if "Code" in each.getMessage()]
    assert text.endswith(f"by 'default': {outcome}")


@pytest.mark.parametrize(
    "step", [step for step, _ in LEVELS], ids=[str(number) for number in range(len(LEVELS))]
)
def test_no_log_shows_the_code_or_the_number(
    script: Script, caplog: pytest.LogCaptureFixture, step: Send | Exception
) -> None:
    script.append(step)

    with caplog.at_level(logging.DEBUG, "django_sms_otp"):
        services.request_code(PHONE)

    code = ScriptedBackend.sent[0].code
    assert code is not None
    ours = [each for each in caplog.records if each.name.startswith("django_sms_otp")]
    shown = "".join(f"{record.getMessage()}{record.args!r}" for record in ours)
    assert shown
    assert code not in shown
    assert PHONE.e164.removeprefix("+") not in shown


# A broken configuration


@pytest.mark.parametrize(
    "backends",
    [
        {"default": {"BACKEND": "nowhere.SMSBackend"}},
        {"default": {"BACKEND": f"{__name__}.ScriptedBackend", "OPTIONS": {"path": 1}}},
        {"other": {"BACKEND": f"{__name__}.ScriptedBackend"}},
    ],
)
def test_a_broken_backend_is_an_error_that_writes_nothing(
    settings: Any, backends: dict[str, Any]
) -> None:
    settings.SMS_OTP_BACKENDS = backends

    with pytest.raises(InvalidBackend):
        services.request_code(PHONE)

    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


def test_broken_settings_are_an_error_that_writes_nothing() -> None:
    with override_sms_otp(CODE_LENGTH=99), pytest.raises(InvalidSettings):
        services.request_code(PHONE)

    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


# Two messages of one code at once


OVERTAKEN: list[Send | DeliveryError] = [
    lambda _: SendResult(message_id="of the earlier one"),
    NotDelivered("Down.", error_code="of the earlier one"),
    DeliveryUnknown("Late.", error_code="of the earlier one"),
]


@override_sms_otp(COOLDOWN=[])
@pytest.mark.parametrize("end", OVERTAKEN, ids=["sent", "down", "late"])
def test_the_result_of_a_later_send_is_not_overwritten_by_an_earlier_one(
    script: Script, end: Send | DeliveryError
) -> None:
    def overtaken(message: SMSMessage) -> SendResult:
        assert isinstance(services.request_code(PHONE), CodeRequested)
        if isinstance(end, DeliveryError):
            raise end
        return end(message)

    script += [overtaken, lambda _: SendResult(message_id="of the later one")]

    services.request_code(PHONE)

    row = the_row()
    assert row.send_count == 2
    assert row.delivery_state == DeliveryState.SENT
    assert row.message_id == "of the later one"
    assert row.delivery_error == ""


@override_sms_otp(COOLDOWN=[])
def test_only_the_message_that_was_not_sent_is_given_back(script: Script) -> None:
    def overtaken(_: SMSMessage) -> SendResult:
        services.request_code(PHONE)
        raise NotDelivered("Down.")

    script.append(overtaken)

    services.request_code(PHONE)

    claimed_at = the_row().claimed_at
    assert claimed_at is not None
    [send] = Limit.objects.get().state["sends"]
    assert send[0] == claimed_at.timestamp()


def test_what_a_column_does_not_take_is_left_out(script: Script) -> None:
    script.append(lambda _: SendResult(message_id="SM\0\ud8001"))
    success()
    assert the_row().message_id == "SM1"


def test_a_code_that_may_have_arrived_is_taken_though_the_next_message_was_withheld(
    script: Script,
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        script.append(DeliveryUnknown("Late."))
        refusal()
        clock.shift(timedelta(seconds=31))
        with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
            success()
        assert the_row().withheld_by
        assert len(ScriptedBackend.sent) == 1
        code = ScriptedBackend.sent[0].code or ""
        assert isinstance(services.redeem_code(code, phone_number=PHONE), Redeemed)


def test_backends_are_avoided_that_lost_a_message_of_this_hour_and_purpose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ScriptedBackend, "targets", ("first", "second", "third", "fourth"))
    now = timezone.now()
    for alias, minutes, purpose in (
        ("first", 59, "login"),
        ("second", 61, "login"),
        ("third", 59, "verify_phone"),
    ):
        OTPCodeFactory.create(
            phone_number=PHONE.e164,
            purpose=purpose,
            undelivered_by=alias,
            created_at=now - timedelta(minutes=minutes),
            expires_at=now - timedelta(minutes=minutes - 10),
        )
    success()
    [message] = ScriptedBackend.sent
    assert message.avoid == {"first"}


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_a_withheld_message_is_composed_too(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the time of the answer would tell that it was withheld."""
    composed: list[str] = []

    def note(code: str, *args: Any, **kwargs: Any) -> str:
        composed.append(code)
        return compose(code, *args, **kwargs)

    monkeypatch.setattr("django_sms_otp.delivery.composing.compose", note)
    success()
    assert the_row().withheld_by
    assert len(composed) == 1
    assert not ScriptedBackend.sent


def test_a_code_keeps_the_time_of_its_first_message_though_a_later_one_is_unknown(
    script: Script,
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        script.extend([succeed, DeliveryUnknown("Late."), DeliveryUnknown("Late.")])
        success()
        for _ in range(2):
            clock.shift(timedelta(seconds=61))
            refusal()
    assert the_row().send_count == 3
    assert the_row().sent_at == NOON


@override_sms_otp(MESSAGE="sms/failing.txt")
def test_a_message_that_cannot_be_written_is_certainly_not_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert refusal().reason == "delivery_failed"
    assert not ScriptedBackend.sent
    assert the_row().delivery_state == DeliveryState.FAILED
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "MESSAGE" in record.getMessage()
    assert isinstance(refusal(), RequestRefused)
    assert refusal().reason == "delivery_failed"  # The wait was given back.
