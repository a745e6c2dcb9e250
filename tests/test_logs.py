"""What log lines say to programs: the same fields everywhere, no code, no whole number."""

from __future__ import annotations

import ast
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

import django_sms_otp
from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.logs import log_fields
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.signals import code_sent, gateway_called
from django_sms_otp.testing import override_sms_otp

from .conftest import PHONE, Post, last_code, wrong

MASKED = "+1********71"
PACKAGE = Path(django_sms_otp.__file__).parent
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


class FailingBackend(BaseSMSBackend):
    """Raises what a test puts into ``error``."""

    error: Exception = NotDelivered()

    def send(self, message: SMSMessage) -> SendResult:
        raise self.error


class JSONFormatter(logging.Formatter):
    """Writes a record down with all that is in it, as a site's formatter may."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({**vars(record), "message": record.getMessage()}, default=repr)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JSONFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def said(self) -> list[dict[str, Any]]:
        """The fields of our lines."""
        parsed = [json.loads(line) for line in self.lines]
        return [each["sms_otp"] for each in parsed if each["name"] == "django_sms_otp"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("", "django_sms_otp")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield handler
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def failing_with(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.FailingBackend"}}
    return lambda error: monkeypatch.setattr(FailingBackend, "error", error)


def fields_of(**expected: str) -> dict[str, str]:
    code = OTPCode.objects.get()
    common = {"phone_number": MASKED, "region": "US", "purpose": "login"}
    of_code = {"channel": "sms", "backend": "default", "request_id": str(code.pk)[:8]}
    return {**common, **of_code, **expected}


# What they say


def test_a_login_is_told_by_fields(get_code: Post, auth_code: Post, lines: Lines) -> None:
    get_code()
    get_code()
    auth_code(phone_number=PHONE, code=wrong(last_code()))
    auth_code(phone_number=PHONE, code=last_code())
    sent, refused, rejected, redeemed = lines.said
    assert 0 <= sent.pop("latency_ms") < 1000
    assert sent == fields_of(event="code_sent", outcome="sent")
    assert refused == {
        "event": "control",
        "outcome": "refused",
        "control": "cooldown",
        "phone_number": MASKED,
        "region": "US",
    }
    assert rejected == fields_of(event="code_rejected", outcome="invalid_code")
    assert redeemed == fields_of(event="code_redeemed", outcome="redeemed")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotDelivered("Down.", error_code="30001"), "not_sent"),
        (DeliveryUnknown("Late.", error_code="30001"), "unknown"),
        (DeliveryRefused("No.", code="invalid_phone_number", error_code="30001"), "refused"),
        (DeliveryBlocked("Fraud.", error_code="30001"), "blocked"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_failure_is_told_by_fields(
    get_code: Post, lines: Lines, failing_with: Any, error: DeliveryError, outcome: str
) -> None:
    failing_with(error)
    get_code()
    [said] = lines.said
    assert 0 <= said.pop("latency_ms") < 1000
    assert said == fields_of(event="delivery_failed", outcome=outcome, error_code="30001")


def test_an_error_of_a_backend_is_told_by_fields(
    get_code: Post, lines: Lines, failing_with: Any
) -> None:
    failing_with(ZeroDivisionError(PHONE))
    get_code()
    first, second = lines.said
    assert first == fields_of(event="backend_error", error_code="ZeroDivisionError")
    assert (second["event"], second["outcome"]) == ("delivery_failed", "unknown")


@pytest.mark.django_db
def test_a_withheld_code_is_told_by_fields(lines: Lines) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
        services.request_code(parse_phone_number(PHONE))
    [said] = lines.said
    assert said == fields_of(
        event="code_withheld", outcome="withheld", control="unknown_number"
    )


def test_a_number_of_another_region_is_told_by_fields(get_code: Post, lines: Lines) -> None:
    with override_sms_otp(ALLOWED_REGIONS=["GB"]):
        get_code()
    assert lines.said == [
        {
            "event": "control",
            "outcome": "refused",
            "control": "region",
            "region": "US",
            "channel": "sms",
        }
    ]


def test_fields_of_a_site_do_not_clash_with_ours(get_code: Post, lines: Lines) -> None:
    """A record factory of theirs has set the same names: ``logging`` would raise."""
    theirs = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = theirs(*args, **kwargs)
        for name in ("request_id", "event", "region", "channel", "outcome", "backend"):
            setattr(record, name, "theirs")
        return record

    logging.setLogRecordFactory(factory)
    try:
        assert get_code().status_code == 202
    finally:
        logging.setLogRecordFactory(theirs)
    [line] = [each for each in lines.lines if '"django_sms_otp"' in each]
    assert json.loads(line)["request_id"] == "theirs"
    assert json.loads(line)["sms_otp"]["request_id"] == str(OTPCode.objects.get().pk)[:8]


# What they do not say


@pytest.mark.parametrize("text", [PHONE, parse_phone_number(PHONE)], ids=type)
def test_a_number_is_masked_where_the_fields_are_made(text: Any) -> None:
    assert log_fields("x", phone_number=text)["sms_otp"]["phone_number"] == MASKED


def test_no_record_holds_a_code_or_a_whole_number(
    get_code: Post, auth_code: Post, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = override_settings(
        SMS_OTP_BACKENDS={"default": {"BACKEND": f"{__name__}.FailingBackend"}}
    )
    unlimited = override_sms_otp(
        CODE_LENGTH=10, COOLDOWN=[], LIMITS={"phone": None, "phone_ip": None}
    )
    with unlimited:
        get_code()
        code = last_code()
        for error in (
            NotDelivered("Down."),
            DeliveryUnknown("Late."),
            DeliveryRefused("No.", code="invalid_phone_number"),
            DeliveryBlocked("Fraud."),
            ZeroDivisionError(f"{PHONE} {code}"),
        ):
            monkeypatch.setattr(FailingBackend, "error", error)
            with broken:
                get_code()
        auth_code(phone_number=PHONE, code=wrong(code))
        auth_code(phone_number=PHONE, code=code)
        auth_code(phone_number=PHONE, code=code)
        get_code(phone_number="+19002345678")
    ours = [line for line in lines.lines if '"name": "django_sms_otp"' in line]
    assert len(ours) == len(lines.said) >= 11
    assert {each["event"] for each in lines.said} == {
        *("code_sent", "delivery_failed", "backend_error", "code_rejected"),
        *("code_redeemed", "control"),
    }
    for line in ours:
        assert code not in line
        assert PHONE[1:] not in line
        assert "9002345678" not in line


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "logger"
            ):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_line_has_its_fields() -> None:
    calls = dict(log_calls())
    assert len(calls) > 15
    bare = [
        place
        for place, call in calls.items()
        if "extra" not in {keyword.arg for keyword in call.keywords}
    ]
    assert bare == []


@pytest.mark.django_db
def test_the_gateway_is_timed_and_nothing_else(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{__name__}.SlowBackend"}}
    heard: list[float] = []

    def receiver(*, latency: float, **_: Any) -> None:
        heard.append(latency)

    for signal in (code_sent, gateway_called):
        signal.connect(receiver)
    try:
        services.request_code(parse_phone_number(PHONE))
    finally:
        for signal in (code_sent, gateway_called):
            signal.disconnect(receiver)
    assert heard[0] == heard[1]
    assert 0.05 <= heard[0] < 0.5


class SlowBackend(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        time.sleep(0.05)
        testing.outbox.append(message)
        return SendResult()
