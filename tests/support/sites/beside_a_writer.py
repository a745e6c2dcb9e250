"""Logs in while somebody else writes to the users' database."""

from __future__ import annotations

import threading
from typing import Any

from .login import PHONE, report

HELD_SECONDS = 0.3


def log_in() -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.db import connections, transaction
    from django.utils import timezone

    from django_sms_otp import services, testing
    from django_sms_otp.models import VerifiedPhone
    from django_sms_otp.phone import parse_phone_number

    now = timezone.now()
    users = get_user_model()._default_manager
    user = users.create(username="holder")
    VerifiedPhone.objects.create(user_id=user.pk, phone_number=PHONE, verified_at=now)
    number = parse_phone_number(PHONE)
    services.request_code(number)
    has_written, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic("default"):
            users.create(username="other")
            has_written.set()
            may_commit.wait(HELD_SECONDS)
        connections.close_all()

    def grant(user: Any) -> None:
        user.refresh_from_db()
        user.save()

    other = threading.Thread(target=write)
    other.start()
    has_written.wait()
    code = testing.outbox[-1].code or ""
    answer: object = services.redeem_code(code, phone_number=number, grant=grant)
    other.join()
    return {"answer": type(answer).__name__, "users": users.count()}


if __name__ == "__main__":
    report(log_in)
