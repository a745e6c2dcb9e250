"""A site that tells Sentry every error, with the defaults of the SDK. test_reports.py runs it.

It is a process of its own: the SDK patches Django and other packages for good. Each scenario
breaks the site in one place. The process prints what would have left for Sentry, and the code
that was live.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import django
import sentry_sdk
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import DatabaseError
from django.test import override_settings
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

PHONE = "+14155552671"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

sent: list[Envelope] = []
cookies: list[str] = []


class Recorder(Transport):
    """Takes what would leave for Sentry."""

    def capture_envelope(self, envelope: Envelope) -> None:
        sent.append(envelope)


def post(name: str, content_type: str = JSON, **fields: str) -> None:
    body = urlencode(fields) if content_type == FORM else json.dumps(fields)
    call(f"/auth/sms/{name}/", content_type, body)


def call(path: str, content_type: str, text: str, query: str = "", **headers: str) -> None:
    """Call the site as a server does. Errors go up to the server."""
    body = text.encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "203.0.113.7",
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.version": (1, 0),
        **headers,
    }
    from .broken import Killed

    with suppress(Killed):
        site(environ, start_response)


def start_response(
    _status: str, headers: list[tuple[str, str]], *_args: Any
) -> Callable[[bytes], object]:
    cookies[:] = [
        text.partition(";")[0].strip() for name, text in headers if name == "Set-Cookie"
    ]
    return lambda _data: None


def configure(backend: str, options: dict[str, Any] | None = None, **policy: Any) -> None:
    """Set the backend, below its package or by its whole path, and the policy."""
    path = backend if backend.startswith("tests.") else f"django_sms_otp.backends.{backend}"
    entry = {"BACKEND": path, "OPTIONS": options or {}}
    policy = {"CODE_LENGTH": 10, "COOLDOWN": [], "LIMITS": UNLIMITED, **policy}
    override_settings(SMS_OTP=policy, SMS_OTP_BACKENDS={"default": entry}).enable()


UNLIMITED = {"phone": None, "phone_ip": None}


def live_code() -> str:
    """Return the code that this message and those after it hold."""
    from django_sms_otp import testing

    configure("locmem.SMSBackend")
    post("get-code", phone_number=PHONE)
    return testing.outbox[-1].code or ""


def typed(code: str) -> str:
    return f"{code[:5]} {code[5:]}".strip()


def log_in(content_type: str = JSON, **policy: Any) -> str:
    code = live_code()
    configure("locmem.SMSBackend", **policy)
    post("auth-code", content_type, phone_number=PHONE, code=typed(code))
    return code


def broken_issuer() -> str:
    return log_in(TOKEN_ISSUER="tests.support.issuers.BrokenIssuer")


def broken_issuer_and_a_form() -> str:
    return log_in(FORM, TOKEN_ISSUER="tests.support.issuers.BrokenIssuer")


def broken_resolver() -> str:
    return log_in(USER_RESOLVER="tests.support.broken.BrokenResolver")


def broken_login_page() -> str:
    """A browser posts the number and then the code, with cookies."""
    from django.contrib.sessions.backends.db import SessionStore

    from django_sms_otp import testing

    token = "t" * 32
    configure("locmem.SMSBackend")
    form = {"csrfmiddlewaretoken": token, "phone_number": PHONE}
    call("/login/", FORM, urlencode(form), HTTP_COOKIE=f"csrftoken={token}")
    [session] = [each for each in cookies if each.startswith("sessionid=")]
    pending = SessionStore(session.partition("=")[2])["_sms_otp_pending"]
    code = testing.outbox[-1].code or ""
    configure("locmem.SMSBackend", USER_RESOLVER="tests.support.broken.BrokenResolver")
    form = {"csrfmiddlewaretoken": token, "code": typed(code), "tab": pending["tab"]}
    call("/login/code/", FORM, urlencode(form), HTTP_COOKIE=f"csrftoken={token}; {session}")
    return code


def broken_write() -> str:
    from django_sms_otp.db import numbers

    with mock.patch.object(numbers, "write_in_order", side_effect=DatabaseError("Full.")):
        return log_in()


def broken_backend() -> str:
    return send_by("tests.support.broken.BrokenBackend")


def killed_backend() -> str:
    return send_by("tests.support.broken.KilledBackend")


def send_by(backend: str, options: dict[str, Any] | None = None) -> str:
    code = live_code()
    configure(backend, options)
    post("get-code", phone_number=PHONE)
    return code


def address_with_the_code() -> str:
    """A service of Apprise puts message and key into the address. Then a receiver fails."""
    from django_sms_otp.signals import code_sent
    from django_sms_otp.testing import fake_gateway

    from .broken import receive

    code_sent.connect(receive)
    with fake_gateway() as gateway:
        host = gateway.url.removeprefix("http://")
        url = f"form://{host}/{{to}}?method=get&:key=the-api-key"
        code = send_by("apprise.SMSBackend", {"url": url})
        assert any(code in each.path for each in gateway.requests)
    code_sent.disconnect(receive)
    return code


def broken_receipt() -> str:
    """Twilio's callback has the number."""
    from twilio.request_validator import RequestValidator

    from django_sms_otp.webhooks import base

    token = "t" * 32
    options = {
        "account_sid": "AC" + "0" * 32,
        "auth_token": token,
        "from_number": "+15005550006",
    }
    configure("twilio.SMSBackend", options, PUBLIC_URL="https://example.com")
    fields = {"MessageStatus": "delivered", "MessageSid": "SM" + "0" * 32, "To": PHONE}
    query = f"request_id={uuid.uuid4()}&send_count=1"
    path = "/auth/sms/webhooks/twilio/default/"
    validator = RequestValidator(token)
    signature = validator.compute_signature(f"https://example.com{path}?{query}", fields)
    with mock.patch.object(base, "take", side_effect=ZeroDivisionError):
        call(path, FORM, urlencode(fields), query, HTTP_X_TWILIO_SIGNATURE=signature)
    return ""


Scenario = Callable[[], str]

SCENARIOS: list[Scenario] = [
    broken_issuer,
    broken_issuer_and_a_form,
    broken_resolver,
    broken_login_page,
    broken_write,
    broken_backend,
    killed_backend,
    address_with_the_code,
    broken_receipt,
]


def main() -> None:
    report = {}
    for scenario in SCENARIOS:
        code = scenario()
        events = "".join(item.serialize().decode() for item in sent)
        report[scenario.__name__] = {"code": code, "typed": typed(code), "events": events}
        sent.clear()
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    sentry_sdk.init("http://key@127.0.0.1:9/1", transport=Recorder())
    django.setup()
    settings.DATABASES["default"].update(ENGINE="django.db.backends.sqlite3", NAME=":memory:")
    call_command("migrate", run_syncdb=True, verbosity=0)
    site = WSGIHandler()
    main()
