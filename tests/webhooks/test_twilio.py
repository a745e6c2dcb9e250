"""Twilio's callbacks over HTTP: who is believed, and what is answered."""

from __future__ import annotations

import http.client
import io
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, QueryDict
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from django.urls import resolve, reverse
from django.views.debug import ExceptionReporter
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from django_sms_otp.backends import BaseSMSBackend, get_backend
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks import Receipt, ReceiptView, base
from django_sms_otp.webhooks.twilio import TwilioView

from ..support.callbacks import FORM, PUBLIC_URL, TOKEN, Callback, twilio
from ..support.factories import OTPCodeFactory

BACKENDS = {
    "default": twilio(),
    "second": twilio(auth_token="another-token"),
    "by_key": twilio(auth_token="", api_key_sid="SK" + "1" * 32, api_key_secret="secret"),
    "locmem": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
    "broken": {"BACKEND": "nowhere.SMSBackend"},
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    base._log_once.cache_clear()
    keys = {**settings.SMS_OTP, "PUBLIC_URL": PUBLIC_URL}
    with override_settings(SMS_OTP=keys, SMS_OTP_BACKENDS=BACKENDS):
        yield


@pytest.fixture
def code() -> OTPCode:
    return OTPCodeFactory.create(delivery_state="sent", message_id="SM" + "a" * 32)


def state(code: OTPCode) -> str:
    code.refresh_from_db()
    return code.delivery_state


# Who is believed


def test_a_signed_callback_is_believed(code: OTPCode) -> None:
    assert Callback(code=code).post() == 204
    assert state(code) == "delivered"


def test_a_callback_over_http_is_believed_behind_a_proxy(live_server: Any) -> None:
    """The proxy talks to us under another host, port and scheme than Twilio to it."""
    code = OTPCodeFactory.create(delivery_state="sent", message_id="SM" + "a" * 32)
    callback = Callback(code=code, fields={"NewParameter": "ünknown & odd=1"})
    address = urlsplit(live_server.url)
    proxied = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    headers = {"Host": "testserver", "Content-Type": f"{FORM}; charset=UTF-8"}
    statuses = []
    for signature in (callback.signature(public_url="http://testserver"), callback.signature()):
        signed = headers | {"X-Twilio-Signature": signature}
        proxied.request("POST", callback.path, body=callback.body, headers=signed)
        with proxied.getresponse() as answer:
            statuses.append((answer.status, answer.read()))
    proxied.close()
    assert statuses == [(403, b""), (204, b"")]
    assert state(code) == "delivered"


FORGED = {
    "no signature": lambda callback: "",
    "another account's token": lambda callback: callback.signature(token="guessed"),
    "another host": lambda callback: callback.signature(public_url="https://evil.example"),
    "clear text": lambda callback: callback.signature(public_url="http://login.example"),
    "cut off": lambda callback: callback.signature()[:-1],
    "not ASCII": lambda callback: "ü" * 28,
    "of another message": lambda callback: Callback(
        code=callback.code.pk, send_count=2
    ).signature(),
    "of another state": lambda callback: Callback(
        code=callback.code, status="failed"
    ).signature(),
    "of another alias": lambda callback: Callback(
        code=callback.code, alias="second"
    ).signature(),
    "of the address alone": lambda callback: RequestValidator(TOKEN).compute_signature(
        PUBLIC_URL + callback.path, {}
    ),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_callback_is_refused(forge: Any, code: OTPCode) -> None:
    callback = Callback(code=code)
    assert callback.post(signature=forge(callback)) == 403
    assert state(code) == "sent"


def test_an_added_parameter_breaks_the_signature(code: OTPCode) -> None:
    callback = Callback(code=code)
    more = Callback(code=code, fields={"MessageStatus": "undelivered", "ErrorCode": "30003"})
    assert more.post(signature=callback.signature()) == 403


def test_a_body_hash_in_the_address_does_not_stand_in_for_the_fields(code: OTPCode) -> None:
    """It is how Twilio signs bodies of JSON, whose fields the signature leaves out."""
    callback = Callback(code=code)
    path = f"{callback.path}&bodySHA256={'0' * 64}"
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, {})
    headers = {"X-Twilio-Signature": signature}
    answer = Client().post(path, callback.body, content_type=FORM, headers=headers)
    assert answer.status_code == 403


def test_each_alias_has_its_own_token(code: OTPCode) -> None:
    callback = Callback(code=code, alias="second")
    assert callback.post() == 403
    assert callback.post(signature=callback.signature(token="another-token")) == 204


def test_forgeries_make_one_line_an_hour(
    code: OTPCode, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        Callback(code=code).post(signature="forged")
    [line] = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert line.levelno == logging.WARNING
    assert "'default'" in line.getMessage()


@pytest.mark.parametrize("alias", ["default", "by_key"])
def test_what_is_missing_to_verify_is_logged_once(
    alias: str, code: OTPCode, caplog: pytest.LogCaptureFixture
) -> None:
    with override_sms_otp(PUBLIC_URL=None if alias == "default" else PUBLIC_URL):
        for _ in range(3):
            # Of an empty token anybody can make a signature.
            callback = Callback(code=code, alias=alias)
            assert callback.post(signature=callback.signature(token="")) == 403
    [line] = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert line.levelno == logging.ERROR
    assert "set SMS_OTP['PUBLIC_URL'], and 'auth_token'" in line.getMessage()
    assert state(code) == "sent"


# What is answered


@pytest.mark.parametrize("alias", ["nowhere", "locmem", "broken", "ü;=%2F"])
def test_an_alias_that_is_no_twilio_backend_is_not_found(alias: str, code: OTPCode) -> None:
    assert Callback(code=code, alias=alias).post() == 404


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_only_post_is_allowed(method: str, code: OTPCode) -> None:
    answer = getattr(Client(), method)(Callback(code=code).path)
    assert answer.status_code == 405


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "x", ""])
def test_other_content_types_are_refused(content_type: str, code: OTPCode) -> None:
    callback = Callback(code=code)
    headers = {"X-Twilio-Signature": callback.signature()}
    answer = Client().generic(
        "POST", callback.path, callback.body, content_type=content_type, headers=headers
    )
    assert answer.status_code == 415


def test_an_oversize_body_is_refused_before_it_is_parsed(code: OTPCode) -> None:
    callback = Callback(code=code, fields={"More": "x" * base.LARGEST_BODY})
    assert callback.post() == 413
    assert state(code) == "sent"


def test_an_oversize_body_of_no_declared_length_is_refused(code: OTPCode) -> None:
    """As over ASGI, in chunks. WSGI servers give Django no such body at all."""
    callback = Callback(code=code, fields={"More": "x" * base.LARGEST_BODY})
    headers = {"X-Twilio-Signature": callback.signature()}
    request = AsyncRequestFactory().post(
        callback.path, callback.body, content_type=FORM, headers=headers
    )
    del request.META["CONTENT_LENGTH"]
    assert TwilioView.as_view()(request, backend=get_backend()).status_code == 413


def test_more_fields_than_django_takes_are_refused_without_an_alarm(
    code: OTPCode, caplog: pytest.LogCaptureFixture
) -> None:
    """Django would log an error, and so mail the admins, as often as an attacker likes."""
    callback = Callback(code=code)
    body = "&".join("a" for _ in range(2000))
    answer = Client().post(callback.path, body, content_type=FORM)
    assert answer.status_code == 400
    assert {each.levelno for each in caplog.records} == {logging.WARNING}


def test_who_hangs_up_is_no_error(code: OTPCode) -> None:
    class Broken(io.BytesIO):
        def read(self, *_args: object) -> bytes:
            raise ConnectionResetError

    broken: dict[str, Any] = {"wsgi.input": Broken()}
    path = Callback(code=code).path
    request = RequestFactory().post(path, "a=1", content_type=FORM, **broken)
    assert TwilioView.as_view()(request, backend=get_backend()).status_code == 400


def test_the_caller_does_not_choose_how_the_address_is_read(code: OTPCode) -> None:
    """The header that says so is not signed."""
    callback = Callback(code=code, send_count="%31")
    headers = {"X-Twilio-Signature": callback.signature()}
    Client().generic(
        "POST",
        callback.path,
        callback.body,
        content_type=f"{FORM}; charset=utf-16",
        headers=headers,
    )
    assert state(code) == "delivered"


@pytest.mark.parametrize("length", ["", "-1", "ten", "²"])
def test_a_strange_length_is_no_error(length: str, code: OTPCode) -> None:
    request = RequestFactory().post(Callback(code=code).path, "a=1", content_type=FORM)
    request.META["CONTENT_LENGTH"] = length
    assert TwilioView.as_view()(request, backend=get_backend()).status_code == 403


def test_a_site_that_guards_its_views_does_not_refuse_twilio(code: OTPCode) -> None:
    guards = [
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, *guards]):
        assert Callback(code=code).post(Client(enforce_csrf_checks=True)) == 204


def test_the_view_is_in_no_transaction_of_the_site() -> None:
    """Receivers are told of what is committed."""
    view = resolve(reverse("sms_otp:webhook", args=["twilio", "default"])).func
    assert "default" in view._non_atomic_requests  # type: ignore[attr-defined]


def test_a_database_out_of_reach_is_answered_503(
    code: OTPCode, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError("of row +14155552671")

    with connection.execute_wrapper(fail):
        assert Callback(code=code).post() == 503
    assert "the database failed with OperationalError" in caplog.text
    assert "+14155552671" not in caplog.text
    assert Callback(code=code).post() == 204
    assert state(code) == "delivered"


def test_an_error_report_shows_no_number(code: OTPCode) -> None:
    class FailingView(TwilioView):
        def read(
            self, request: HttpRequest, body: bytes, backend: BaseSMSBackend
        ) -> Receipt | HttpResponse | None:
            assert QueryDict(body)["To"] in str(request.POST)
            raise ZeroDivisionError

    request = RequestFactory().post(
        Callback(code=code).path, Callback(code=code).body, content_type=FORM
    )
    assert request.POST  # As a middleware may have read it.
    with pytest.raises(ZeroDivisionError) as caught:
        FailingView.as_view()(request, backend=get_backend())
    reporter = ExceptionReporter(request, *caught._excinfo)  # type: ignore[misc]
    with override_settings(DEBUG=False):
        report = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "MessageStatus" in report
    number = Callback(code=code).form["To"].removeprefix("+")
    assert number not in report


# Whatever comes

WORDS = st.sampled_from(
    ["request_id", "send_count", "MessageStatus", "MessageSid", "ErrorCode", "RawDlrDoneDate"]
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["delivered", "undelivered", "sent", "1", "0" * 200, "9" * 50, "\x00", "²"]
    ),
    st.from_regex(r"[0-9]{10}", fullmatch=True),
)
PAIRS = st.lists(st.tuples(WORDS, VALUES), max_size=8)


def encoded(pairs: list[tuple[str, str]]) -> str:
    form = QueryDict(mutable=True)
    for name, value in pairs:
        form.appendlist(name, value)
    return form.urlencode()


@hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=PAIRS, form=PAIRS)
def test_nothing_that_is_signed_is_an_error(
    query: list[tuple[str, str]], form: list[tuple[str, str]], code: OTPCode
) -> None:
    known = [("request_id", str(code.pk)), ("send_count", "1")]
    path = f"{Callback(code=code).path.partition('?')[0]}?{encoded([*known, *query])}"
    body = encoded([("MessageSid", "SM" + "a" * 32), ("MessageStatus", "undelivered"), *form])
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, QueryDict(body))
    headers = {"X-Twilio-Signature": signature}
    answer = Client().post(path, body, content_type=FORM, headers=headers)
    assert answer.status_code == 204


@hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(min_size=1, max_size=200),
    query=st.text(st.characters(codec="latin-1", exclude_characters="#"), max_size=40),
    signature=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40),
    charset=st.sampled_from(["utf-8", "utf-7", "idna", "none", "hex", "rot13"]),
)
def test_nothing_that_is_not_signed_is_an_error(
    body: bytes, query: str, signature: str, charset: str, code: OTPCode
) -> None:
    path = Callback(code=code).path.partition("?")[0]
    if charset != "utf-8":
        query = ""  # Django's own request may fail on it, before any view.
    answer = Client().generic(
        "POST",
        path,
        body,
        content_type=f"{FORM}; charset={charset}",
        headers={"X-Twilio-Signature": signature},
        QUERY_STRING=query,
    )
    assert answer.status_code == 403
    assert state(code) == "sent"


@pytest.mark.parametrize("body", [b"MessageStatus=\xff\xfe", b"\xff=%ff&%00=\x00", b"&&==&"])
def test_bytes_that_are_no_text_are_no_error(body: bytes, code: OTPCode) -> None:
    callback = Callback(code=code)
    signature = RequestValidator(TOKEN).compute_signature(
        PUBLIC_URL + callback.path, QueryDict(body)
    )
    answer = Client().post(
        callback.path, body, content_type=FORM, headers={"X-Twilio-Signature": signature}
    )
    assert answer.status_code == 204


def test_a_view_without_a_reader_says_what_to_write(code: OTPCode) -> None:
    request = RequestFactory().post("/", "a=1", content_type=FORM)
    with pytest.raises(NotImplementedError, match=r"ReceiptView must define read\(\)"):
        ReceiptView.as_view()(request, backend=get_backend())
