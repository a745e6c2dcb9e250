"""What happened before, and which calls then come at once.

A scenario makes its history by the services themselves, in the past, and returns the calls. The
same call twice is one object: see *twins* in ``orders``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

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

ASKER, OTHER_ASKER, STRANGER = "203.0.113.9", "203.0.113.10", "198.51.100.7"

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
"""When all calls come."""

PHONE = PhoneNumber(e164=E164, region="US")

Scenario = Callable[[], list[Call]]


def code_sent(ip_address: str | None = None, **ago: float) -> str:
    """Have a code sent in the past, and return its digits."""
    with time_machine.travel(NOW - timedelta(**ago), tick=False):
        assert isinstance(request_code(PHONE, ip_address=ip_address), CodeRequested)
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


def guess(code: str, ip_address: str | None = None, request_id: UUID | None = None) -> Call:
    return lambda: redeem_code(
        code, phone_number=PHONE, ip_address=ip_address, request_id=request_id
    )


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


# Whose guess it is. All groups have one guess left, so that none may take that of another.


def spent_but_for_one(*addresses: str) -> str:
    """Have a code sent to one asker after the other, and spend all guesses but one of each and
    of strangers."""
    for number, address in enumerate(addresses, start=1):
        code = code_sent(address, minutes=8 - 2 * number)
    # Long enough ago for every wait to be over.
    with time_machine.travel(NOW - timedelta(minutes=1), tick=False):
        for address in (*addresses, STRANGER):
            for _ in range(get_settings().MAX_ATTEMPTS - 1):
                redeem_code(wrong(code), phone_number=PHONE, ip_address=address)
    return code


def stranger_and_asker() -> list[Call]:
    code = spent_but_for_one(ASKER)
    return [guess(wrong(code), STRANGER), guess(wrong(code), ASKER)]


def stranger_and_right_asker() -> list[Call]:
    code = spent_but_for_one(ASKER)
    return [guess(wrong(code), STRANGER), guess(code, ASKER)]


def two_strangers_at_the_last_attempt() -> list[Call]:
    return [guess(wrong(spent_but_for_one(ASKER)), STRANGER)] * 2


def two_askers() -> list[Call]:
    code = spent_but_for_one(ASKER, OTHER_ASKER)
    return [guess(wrong(code), ASKER), guess(wrong(code), OTHER_ASKER)]


def asker_at_the_last_attempt_twice() -> list[Call]:
    return [guess(wrong(spent_but_for_one(ASKER)), ASKER)] * 2


def id_and_asker() -> list[Call]:
    """One person, with and without the id: four guesses were made, and one is left."""
    code = spent_but_for_one(ASKER)
    request_id = OTPCode.objects.get().pk
    return [guess(wrong(code), ASKER, request_id), guess(wrong(code), ASKER)]


def stranger_and_resend() -> list[Call]:
    code = code_sent(ASKER, minutes=2)
    with time_machine.travel(NOW - timedelta(minutes=1), tick=False):
        for _ in range(get_settings().MAX_ATTEMPTS - 1):
            redeem_code(wrong(code), phone_number=PHONE, ip_address=STRANGER)
    return [guess(wrong(code), STRANGER), lambda: request_code(PHONE, ip_address=ASKER)]


def asker_and_second_request() -> list[Call]:
    """The second asker gets the same id. From then on the first one's address comes first."""
    code = code_sent(ASKER, minutes=2)
    request_id = OTPCode.objects.get().pk
    return [
        guess(wrong(code), ASKER, request_id),
        lambda: request_code(PHONE, ip_address=OTHER_ASKER),
    ]


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


def stranger_asker_and_request() -> list[Call]:
    code = spent_but_for_one(ASKER)
    return [
        guess(wrong(code), STRANGER),
        guess(code, ASKER),
        lambda: request_code(PHONE, ip_address=OTHER_ASKER),
    ]


def right_request_and_purge() -> list[Call]:
    """There is an old code to delete, and a live one to redeem or send again."""
    code_sent(days=40)
    return [guess(code_sent(minutes=1)), request, purge_rows]


def requests_and_purge() -> list[Call]:
    """What is known of the number is deleted before, between or after the requests, or not."""
    code_sent(days=40)
    return [request, request, purge_rows]


WHOSE_GUESS: list[Scenario] = [
    stranger_and_asker,
    stranger_and_right_asker,
    two_strangers_at_the_last_attempt,
    two_askers,
    asker_at_the_last_attempt_twice,
    id_and_asker,
    stranger_and_resend,
    asker_and_second_request,
]

TWO_AT_ONCE: list[Scenario] = [
    *WHOSE_GUESS,
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
    stranger_asker_and_request,
    right_request_and_purge,
    requests_and_purge,
]
