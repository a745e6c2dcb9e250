"""People who ask support today why no code came. The app itself has done what is told here.

The clock is set back for it, so that the messages are some minutes apart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

from django.test import override_settings
from django.utils import timezone

from django_sms_otp.models import OTPCode
from django_sms_otp.results import CodeRequested
from django_sms_otp.services import read_phone_number, redeem_code, request_code
from django_sms_otp.testing import code_for, outbox, override_sms_otp

from .people import Person

IN_MEMORY = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}


def tell_stories(people: Sequence[Person], now: datetime) -> list[tuple[Person, str]]:
    """Return who asks, and what has happened."""
    with (
        # Without DEBUG, no refusal is explained in the terminal.
        override_settings(
            DEBUG=False, SMS_OTP_BACKENDS=dict.fromkeys(("default", "twilio"), IN_MEMORY)
        ),
        override_sms_otp(CHANNELS={"sms": "twilio"}),
    ):
        told = [
            (person, story(person.phone_number, now))
            for person, story in zip(people, STORIES, strict=False)
        ]
    outbox.clear()
    return told


def phone_off(number: str, now: datetime) -> str:
    for minutes in (52, 49, 38):
        mark(ask(number, now - timedelta(minutes=minutes)), "undelivered", "30003")
    return "the phone is switched off"


def opted_out(number: str, now: datetime) -> str:
    mark(ask(number, now - timedelta(minutes=31)), "failed", "21610")
    return "has opted out of the site's SMS"


def quota_used_up(number: str, now: datetime) -> str:
    for minutes in (30, 29, 27.5, 25, 19, 3):
        mark(ask(number, now - timedelta(minutes=minutes)), "undelivered", "30008")
    return "has asked for too many codes, and none arrived"


def locked_out(number: str, now: datetime) -> str:
    # After five wrong codes, each next guess has to wait longer.
    for asked, guessed in (
        (40, (39, 38.8, 38.6, 38.4, 38.2)),
        (29, (28.5, 27, 24)),
        (19, (18.5, 9.8)),
    ):
        mark(ask(number, now - timedelta(minutes=asked)), "delivered")
        wrong = f"{(int(code_for(number)) + 1) % 10**6:06}"
        for minutes in guessed:
            guess(number, wrong, now - timedelta(minutes=minutes))
    return "has typed too many wrong codes"


def logged_in(number: str, now: datetime) -> str:
    at = now - timedelta(minutes=27)
    mark(ask(number, at), "delivered")
    right = code_for(number)
    guess(number, f"{(int(right) + 1) % 10**6:06}", at + timedelta(seconds=25))
    guess(number, right, at + timedelta(seconds=41))
    return "has logged in, with the second try"


STORIES: Sequence[Callable[[str, datetime], str]] = (
    *(phone_off, opted_out, quota_used_up, locked_out, logged_in),
)


def ask(number: str, at: datetime) -> list[OTPCode]:
    """Ask for a code. Return it, unless it is refused."""
    with clock_at(at):
        outcome = request_code(read_phone_number(number), ip_address=address_of(number))
    if isinstance(outcome, CodeRequested):
        return [OTPCode.objects.get(pk=outcome.request_id)]
    return []


def guess(number: str, code: str, at: datetime) -> None:
    with clock_at(at):
        redeem_code(code, phone_number=read_phone_number(number), ip_address=address_of(number))


def address_of(number: str) -> str:
    return f"203.0.113.{sum(map(int, number[1:]))}"


def mark(codes: Iterable[OTPCode], state: str, error: str = "") -> None:
    """Note what the gateway says of a message."""
    for code in codes:
        code.delivery_state, code.delivery_error = state, error
        code.undelivered_by = code.backend if state == "undelivered" else ""
        if state == "failed":
            code.sent_at = None
        if state == "delivered" and code.sent_at:
            code.delivered_at = code.sent_at + timedelta(seconds=3)
        code.save()


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    with mock.patch.object(timezone, "now", return_value=moment):
        yield
