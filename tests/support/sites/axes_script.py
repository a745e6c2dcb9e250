"""Tries wrong codes at each door of a site with django-axes, and then a right one.

Writes what was answered, and what django-axes has stored, as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django

PHONE = "+14155552671"
TRIES = 3


def main() -> None:
    django.setup()

    from django.test.utils import setup_databases, teardown_databases

    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        sys.stdout.write(f"{json.dumps(attack_each_door())}\n")
    finally:
        teardown_databases(databases, verbosity=0)


def attack_each_door() -> dict[str, Any]:
    from django.test import modify_settings

    from django_sms_otp.testing import override_sms_otp

    report: dict[str, Any] = {}
    issuers = "SimpleJWTIssuer", "CookieJWTIssuer", "SessionIssuer"
    for content_type in ("application/json", "form"):
        for name in issuers:
            with override_sms_otp(TOKEN_ISSUER=f"django_sms_otp.auth.tokens.{name}"):
                report[f"{name} {content_type}"] = attack(post_by(content_type))
    report["authenticate"] = attack(authenticated)
    with modify_settings(MIDDLEWARE={"append": "axes.middleware.AxesMiddleware"}):
        report["its middleware"] = attack(post_by("application/json"))
    return report


def post_by(content_type: str) -> Callable[..., Any]:
    from django.test import Client

    options: dict[str, Any] = {} if content_type == "form" else {"content_type": content_type}

    def post(code: str, address: str) -> Any:
        body = {"phone_number": PHONE, "code": code}
        answer = Client().post("/auth/sms/auth-code/", body, REMOTE_ADDR=address, **options)
        if answer.headers["Content-Type"] != "application/json":
            return [answer.status_code, "of django-axes"]
        return [answer.status_code, json.loads(answer.content).get("code")]

    return post


def authenticated(code: str, address: str) -> bool:
    from django.contrib.auth import authenticate
    from django.test import RequestFactory

    request = RequestFactory().post("/login/", REMOTE_ADDR=address)
    return authenticate(request, phone_number=PHONE, secret_code=code) is not None


def attack(door: Callable[[str, str], Any]) -> dict[str, Any]:
    """Guess wrong until an address is locked out, and right from there and elsewhere."""
    from axes.models import AccessAttempt, AccessLog
    from axes.utils import reset
    from django.test import Client

    from django_sms_otp import testing
    from django_sms_otp.models import Limit, OTPCode

    AccessLog.objects.all().delete()
    OTPCode.objects.all().delete()
    Limit.objects.all().delete()
    reset()
    body = {"phone_number": PHONE}
    Client().post("/auth/sms/get-code/", body, REMOTE_ADDR="192.0.2.9")
    code = testing.outbox[-1].code or ""
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    report = {
        "wrong": [door(wrong, "192.0.2.1") for _ in range(TRIES)],
        "locked out": door(code, "192.0.2.1"),
        "guesses counted": OTPCode.objects.get().failed_attempts,
        "elsewhere": door(code, "192.0.2.9"),
        "logins": AccessLog.objects.count(),
        "stored": [*AccessAttempt.objects.values()],
    }
    report["shown"] = [each for each in (code, wrong, PHONE) if each in str(report["stored"])]
    report["failures"] = [each["failures_since_start"] for each in report.pop("stored")]
    return report


if __name__ == "__main__":
    main()
