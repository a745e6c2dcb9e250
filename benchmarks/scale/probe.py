"""A process that takes times on one database. Started by :mod:`benchmarks.scale.probes`.

Reads the name of a measure and a number from each line, and answers seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from benchmarks.scale.fill import phone_of
from django_sms_otp import conf, testing
from django_sms_otp.models import Limit, VerifiedPhone
from django_sms_otp.stats.rollup import roll_up
from django_sms_otp.testing import override_sms_otp
from tests.support.timing import no_garbage_collection

Times = dict[str, float]

STRANGERS = 5_000_000
"""Numbers from here on belong to nobody."""

WARM_UP = 7_000_000
"""From here on they are of requests that are not measured."""

PAGES = {
    "issued codes": "otpcode/",
    "issued codes, filter by a state that many have": "otpcode/?state=redeemed",
    "issued codes, filter by a state that few have": "otpcode/?state=live",
    "issued codes, filter by a state that none has": "otpcode/?state=locked",
    "issued codes, search": "otpcode/?q=%2B14158999999",
    "limits": "limit/",
    "limits, filter by kind": "limit/?kind=ip",
    "limits, search": "limit/?q=%2B14152000007",
    "verified numbers": "verifiedphone/",
    "hourly counts": "hourlycount/",
}


class Story:
    """Somebody asks for codes and types them in."""

    def __init__(self, number: int) -> None:
        self._address = f"2001:db8:{number % 65536:x}:{number // 65536:x}::1"
        self._client = Client()
        self.times: Times = {}

    def get_code(self, name: str, phone: str, status: int = 202) -> None:
        self._timed(name, "get-code", status, phone_number=phone)

    def auth_code(self, name: str, phone: str, *, off_by: int = 0) -> None:
        code = (int(str(testing.outbox[-1].code)) + off_by) % 10**6
        status = 401 if off_by else 200
        self._timed(name, "auth-code", status, phone_number=phone, code=f"{code:06}")

    def _timed(self, name: str, path: str, status: int, **body: str) -> None:
        conf.get_settings()  # Validated once after each change, and not while it is measured.
        start = time.perf_counter()
        answer: Any = self._client.post(
            f"/auth/sms/{path}/",
            body,
            content_type="application/json",
            headers={"X-Forwarded-For": self._address},
        )
        self.times[name] = time.perf_counter() - start
        if answer.status_code != status:
            raise RuntimeError(f"{name}: {answer.status_code} {answer.content!r}")


def requests(number: int) -> Times:
    """Measure each kind of request, of a customer and of somebody new."""
    known, new = phone_of(number), phone_of(STRANGERS + number)
    _make_known(known)
    # That writes on one of the databases alone, and what comes after a pause takes longer than
    # after a write. So something else comes after it.
    Story(number).get_code("warm-up", phone_of(WARM_UP + number))
    story = Story(number)
    story.get_code("`get-code`, known number", known)
    story.get_code("`get-code`, refused", known, 429)
    with override_sms_otp(COOLDOWN=[]):
        story.get_code("`get-code`, the same code again", known)
    story.auth_code("`auth-code`, wrong code", known, off_by=1)
    story.auth_code("`auth-code`, right code", known)
    story.get_code("`get-code`, new number", new)
    story.auth_code("`auth-code`, registration", new)
    testing.outbox.clear()
    return story.times


def pages(_number: int) -> Times:
    """Measure the pages of the admin."""
    user = User.objects.filter(is_superuser=True).first()
    client = Client()
    client.force_login(user or User.objects.create_superuser("staff"))
    times = {}
    for name, path in PAGES.items():
        start = time.perf_counter()
        answer = client.get(f"/admin/django_sms_otp/{path}")
        times[name] = time.perf_counter() - start
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return times


def roll_ups(_number: int) -> Times:
    """Measure the hourly command, when it has run before."""
    start = time.perf_counter()
    roll_up()
    return {"`roll_up_otp_codes`": time.perf_counter() - start}


MEASURES: Mapping[str, Callable[[int], Times]] = {
    "requests": requests,
    "pages": pages,
    "roll_ups": roll_ups,
}


def _make_known(phone: str) -> None:
    """Let an account be there, where no past has left one."""
    if not VerifiedPhone.objects.filter(phone_number=phone).exists():
        now = timezone.now()
        user = User.objects.create(username=phone)
        VerifiedPhone.objects.create(user=user, phone_number=phone, verified_at=now)
        Limit.objects.create(key=phone, updated_at=now)


def main() -> None:
    for line in sys.stdin:
        name, number = line.split()
        with no_garbage_collection():
            times = MEASURES[name](int(number))
        sys.stdout.write(json.dumps(times) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
