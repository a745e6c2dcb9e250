"""Makes a site's databases, logs in, and writes what was answered as one line of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django

PHONE = "+14155552671"


def report(visit: Callable[[], dict[str, Any]]) -> None:
    """Make the databases, and write what a visit found."""
    django.setup()

    from django.test.utils import setup_databases, teardown_databases

    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        sys.stdout.write(f"{json.dumps(visit())}\n")
    finally:
        teardown_databases(databases, verbosity=0)


def log_in() -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from django_sms_otp import testing

    client = Client(enforce_csrf_checks=True, headers={"Authorization": "Bearer stale"})

    def post(path: str, **body: str) -> dict[str, Any]:
        answer = client.post(path, body, content_type="application/json")
        return {
            "status": answer.status_code,
            "headers": dict(answer.headers),
            "body": json.loads(answer.content),
        }

    found: dict[str, Any] = {
        "malformed": post("/auth/sms/get-code/"),
        "get_code": post("/auth/sms/get-code/", phone_number=PHONE),
        "cooldown": post("/auth/sms/get-code/", phone_number=PHONE),
    }
    code = testing.outbox[-1].code or ""
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    found["wrong_code"] = post("/auth/sms/auth-code/", phone_number=PHONE, code=wrong)
    found["auth_code"] = post("/auth/sms/auth-code/", phone_number=PHONE, code=code)
    found["used_code"] = post("/auth/sms/auth-code/", phone_number=PHONE, code=code)
    tokens = found["auth_code"]["body"]
    if "refresh" in tokens:
        found["refresh"] = post("/refresh/", refresh=tokens["refresh"])
        tokens = {"refreshed": found["refresh"]["body"].get("access"), **tokens}
    for name in tokens.keys() & {"access", "token", "refreshed"}:
        answer = client.get("/whoami/", headers={"Authorization": f"Bearer {tokens[name]}"})
        found[f"{name}_holder"] = json.loads(answer.content)
    found["users"] = [
        {"pk": str(user.pk), "username": user.get_username()}
        for user in get_user_model()._default_manager.all()
    ]
    return found


if __name__ == "__main__":
    report(log_in)
