"""The code stands nowhere but in the message."""

from __future__ import annotations

import logging
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

from django_sms_otp import testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.db import numbers
from django_sms_otp.exceptions import NotDelivered
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.services import redeem_code

from .conftest import PHONE, Post, body_of, last_code, wrong
from .support.factories import VerifiedPhoneFactory


@pytest.fixture
def everything_logged(
    caplog: pytest.LogCaptureFixture, db: None
) -> Iterator[Callable[[], str]]:
    """Return what was logged by anybody, the SQL with its parameters included."""
    connection.force_debug_cursor = True
    for logger in (None, "django", "django.db.backends", "django.request", "django_sms_otp"):
        caplog.set_level(logging.DEBUG, logger=logger)
    yield lambda: caplog.text
    connection.force_debug_cursor = False


def whole_database() -> str:
    tables = connection.introspection.table_names()
    kept = [model for model in apps.get_models() if model._meta.db_table in tables]
    return "\n".join(repr(row) for model in kept for row in model._default_manager.values())


def admin_pages(client: Client) -> str:
    client.force_login(User.objects.create_superuser("boss", password="secret"))
    urls = [
        reverse("admin:django_sms_otp_otpcode_changelist"),
        *(
            reverse("admin:django_sms_otp_otpcode_change", args=[code.pk])
            for code in OTPCode.objects.all()
        ),
    ]
    answers = [client.get(url) for url in urls]
    assert {answer.status_code for answer in answers} == {200}
    return "\n".join(answer.content.decode() for answer in answers)


def test_the_code_is_found_nowhere(
    get_code: Post, auth_code: Post, client: Client, everything_logged: Callable[[], str]
) -> None:
    with testing.override_sms_otp(CODE_LENGTH=10):
        answers: list[Any] = [get_code()]
        code = testing.outbox[-1].code
        assert code is not None
        live = whole_database() + admin_pages(client)
        answers.append(auth_code(phone_number=PHONE, code=wrong(code)))
        answers.append(auth_code(phone_number=PHONE, code=code))
        answers.append(auth_code(phone_number=PHONE, code=code))
    assert [answer.status_code for answer in answers] == [202, 401, 200, 401]
    said = "\n".join(answer.content.decode() + str(answer.headers) for answer in answers)
    for place in (live, whole_database(), said, everything_logged()):
        assert place
        assert code not in place
    assert OTPCode._meta.db_table in everything_logged()


def test_our_loggers_show_no_whole_number(
    get_code: Post, auth_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="django_sms_otp")
    get_code()
    get_code()
    auth_code(phone_number=PHONE, code="000")
    auth_code(phone_number=PHONE, code=testing.outbox[-1].code)
    ours = [each.getMessage() for each in caplog.records if each.name == "django_sms_otp"]
    assert len(ours) == 4
    assert not [text for text in ours if PHONE[1:] in text]
    assert all("+1********71" in text for text in ours)


@pytest.mark.parametrize("backend", ["locmem.SMSBackend", "failover.SMSBackend"])
def test_no_line_holds_a_whole_request_id(
    get_code: Post,
    auth_code: Post,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    backend: str,
) -> None:
    """The id is half of what a login needs. Its start tells the lines of a request."""
    caplog.set_level(logging.DEBUG, logger="django_sms_otp")
    broken = {"BACKEND": "tests.test_secrecy.BrokenBackend"}
    options = {"aliases": ["broken", "spare"]} if backend.startswith("failover") else {}
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": f"django_sms_otp.backends.{backend}", "OPTIONS": options},
        "broken": broken,
        "spare": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
    }
    settings.SMS_OTP = {"REQUIRE_REQUEST_ID": True}
    request_id = body_of(get_code())["request_id"]
    auth_code(request_id=request_id, code="000")
    auth_code(request_id=request_id, code=last_code())
    records = [vars(each) for each in caplog.records if each.name == "django_sms_otp"]
    assert len(records) > 2
    assert request_id not in repr(records)
    assert uuid.UUID(request_id).hex not in repr(records)
    assert all(each["sms_otp"]["request_id"] == request_id[:8] for each in records)


class BrokenBackend(BaseSMSBackend):
    """Has certainly not sent the message."""

    def send(self, message: SMSMessage) -> SendResult:
        raise NotDelivered("It is broken.", error_code="broken")


def test_an_error_of_the_site_shows_no_code(
    get_code: Post, auth_code: Post, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.raise_request_exception = False
    caplog.set_level(logging.DEBUG)
    get_code()
    code = testing.outbox[-1].code
    assert code is not None
    with testing.override_sms_otp(TOKEN_ISSUER="tests.support.issuers.BrokenIssuer"):
        answer = auth_code(phone_number=PHONE, code=code)
    assert answer.status_code == 500
    assert "BrokenIssuer" in caplog.text
    assert not re.search(rf"\b{code}\b", caplog.text)
    assert auth_code(phone_number=PHONE, code=code).status_code == 200


@pytest.mark.parametrize("grant_writes", [True, False])
def test_a_report_of_an_error_shows_no_token(
    get_code: Post, monkeypatch: pytest.MonkeyPatch, grant_writes: bool
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    get_code()
    token = secrets.token_hex()

    def full(*args: object) -> None:
        raise DatabaseError("The disk is full.")

    monkeypatch.setattr(numbers, "write_in_order", full)
    monkeypatch.setattr(numbers, "write_at_once", full)
    with pytest.raises(DatabaseError) as raised:
        redeem_code(
            testing.outbox[-1].code or "",
            phone_number=parse_phone_number(PHONE),
            grant=lambda user: {"access": token},
            grant_writes=grant_writes,
        )
    request = RequestFactory().get("/")
    report = ExceptionReporter(request, raised.type, raised.value, raised.tb)
    assert "The disk is full." in report.get_traceback_text()
    frames = [
        frame
        for frame in report.get_traceback_frames()
        if frame["filename"] != __file__  # Here it is.
    ]
    assert frames
    assert token not in str(frames)


def test_what_was_granted_is_not_in_a_repr() -> None:
    answer = Redeemed(
        request_id=uuid.UUID(int=1), user=None, registered=False, granted={"access": "secret"}
    )
    assert "secret" not in repr(answer)
