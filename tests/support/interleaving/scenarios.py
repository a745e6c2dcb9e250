"""What happened before, and which calls then come at once.

A scenario makes its history by the services themselves, in the past, and returns the calls. The
same call twice is one object: see *twins* in ``orders``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import time_machine
from django.core.management import call_command
from django.utils import timezone

from django_sms_otp.conf import get_settings
from django_sms_otp.management.commands.purge_otp_codes import (
    delete_in_batches,
    idle_limits,
    old_codes,
)
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.results import CodeRequested
from django_sms_otp.services import invalidate_codes, redeem_code, request_code

from ...conftest import PHONE as E164
from ...conftest import last_code, wrong
from .caller import Call

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
"""When all calls come."""

PHONE = PhoneNumber(e164=E164, region="US")

Scenario = Callable[[], list[Call]]


def code_sent(**ago: float) -> str:
    """Have a code sent in the past, and return its digits."""
    with time_machine.travel(NOW - timedelta(**ago), tick=False):
        assert isinstance(request_code(PHONE), CodeRequested)
    return last_code()


def logged_in_before() -> None:
    """Have an account made for the number, so that there are fewer statements now."""
    with time_machine.travel(NOW - timedelta(days=2), tick=False):
        request_code(PHONE)
        redeem_code(last_code(), phone_number=PHONE)


def all_but_one_attempt_spent(code: str) -> str:
    for _ in range(get_settings().MAX_ATTEMPTS - 1):
        redeem_code(wrong(code), phone_number=PHONE)
    return code


def request() -> object:
    return request_code(PHONE)


def purge() -> object:
    return call_command("purge_otp_codes", stdout=StringIO(), stderr=StringIO())


def purge_rows() -> object:
    """What the command deletes, without the hourly counts that it makes before: those touch
    nothing that another call looks at, and would double the orders several times."""
    now, old = timezone.now(), get_settings().RETENTION
    deletions = [old_codes(now, old), idle_limits(now, old)]
    return [list(delete_in_batches(each, size=1000)) for each in deletions]


def invalidate() -> object:
    return invalidate_codes(OTPCode.objects.filter(phone_number=E164))


def guess(code: str) -> Call:
    return lambda: redeem_code(code, phone_number=PHONE)


# Redeem and redeem.


def right_and_right() -> list[Call]:
    return [guess(code_sent(minutes=1))] * 2


def right_and_wrong() -> list[Call]:
    code = code_sent(minutes=1)
    return [guess(code), guess(wrong(code))]


def wrong_and_wrong() -> list[Call]:
    return [guess(wrong(code_sent(minutes=1)))] * 2


def right_and_wrong_at_the_last_attempt() -> list[Call]:
    code = all_but_one_attempt_spent(code_sent(minutes=1))
    return [guess(code), guess(wrong(code))]


def wrong_and_wrong_at_the_last_attempt() -> list[Call]:
    return [guess(wrong(all_but_one_attempt_spent(code_sent(minutes=1))))] * 2


# Redeem and request.


def right_and_resend() -> list[Call]:
    return [guess(code_sent(minutes=1)), request]


def wrong_and_resend() -> list[Call]:
    return [guess(wrong(code_sent(minutes=1))), request]


def right_and_new_code() -> list[Call]:
    """Too little of the old code's lifetime is left to send it again."""
    return [guess(code_sent(minutes=8)), request]


def right_and_refused_request() -> list[Call]:
    """The request is within the cooldown, until the redemption ends it."""
    return [guess(code_sent(seconds=10)), request]


# Request and request.


def requests_of_a_new_number() -> list[Call]:
    return [request] * 2


def requests_of_a_known_number() -> list[Call]:
    code_sent(days=40)
    return [request] * 2


def resends() -> list[Call]:
    code_sent(minutes=1)
    return [request] * 2


# The purge, and staff.


def right_and_purge() -> list[Call]:
    """There is an old code to delete, and a live one to keep."""
    code_sent(days=40)
    return [guess(code_sent(minutes=1)), purge]


def request_and_purge() -> list[Call]:
    """What is known of the number is old enough to be deleted, until the request."""
    code_sent(days=40)
    return [request, purge]


def invalidate_and_right() -> list[Call]:
    return [invalidate, guess(code_sent(minutes=1))]


# Three at once.


def right_right_and_wrong() -> list[Call]:
    logged_in_before()
    code = code_sent(minutes=1)
    right = guess(code)
    return [right, right, guess(wrong(code))]


def three_requests_of_a_new_number() -> list[Call]:
    return [request] * 3


def right_wrong_and_request() -> list[Call]:
    logged_in_before()
    code = code_sent(minutes=1)
    return [guess(code), guess(wrong(code)), request]


def right_request_and_purge() -> list[Call]:
    """There is an old code to delete, and a live one to redeem or send again."""
    code_sent(days=40)
    return [guess(code_sent(minutes=1)), request, purge_rows]


def requests_and_purge() -> list[Call]:
    """What is known of the number is deleted before, between or after the requests, or not."""
    code_sent(days=40)
    return [request, request, purge_rows]


TWO_AT_ONCE: list[Scenario] = [
    right_and_right,
    right_and_wrong,
    wrong_and_wrong,
    right_and_wrong_at_the_last_attempt,
    wrong_and_wrong_at_the_last_attempt,
    right_and_resend,
    wrong_and_resend,
    right_and_new_code,
    right_and_refused_request,
    requests_of_a_new_number,
    requests_of_a_known_number,
    resends,
    right_and_purge,
    request_and_purge,
    invalidate_and_right,
]

THREE_AT_ONCE: list[Scenario] = [
    right_right_and_wrong,
    three_requests_of_a_new_number,
    right_wrong_and_request,
    right_request_and_purge,
    requests_and_purge,
]
