"""A bot that posts wrong codes and asks for no message, beside people who log in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db.models import Max

from django_sms_otp.models import Limit, OTPCode
from tests.support.server import Answer, digits

from .figures import Figure, Row, outcome
from .targets import HOME, START, Target, neighbours, strangers

__all__ = ["bot_behind_a_shared_address", "bot_beside_logins"]

SECOND = timedelta(seconds=1)

TYPING_SECONDS = 20
"""Until the holder has read the message and typed the code."""


def bot_beside_logins(target: Target, *, visits: int, days: int, seconds: int) -> Row:
    """The holder of a number logs in twice a day. Every second the bot guesses wrong.

    It knows the number alone, and comes from ever new addresses. Between the visits there is no
    live code, so its guesses are left out there.

    :param seconds: how long it guesses before and after each visit.
    """
    [phone] = neighbours(1)
    addresses = strangers()
    bot = partial(_guess_each_second, target, phone, addresses)
    logins, moved = 0, 0
    for visit in range(visits):
        target.clock.move_to(START + visit * timedelta(days=days) / visits)
        bot(seconds)
        home, elsewhere = next(addresses), next(addresses)
        asked = target.server.post("get-code", phone_number=phone, forwarded_for=home)
        bot(TYPING_SECONDS)
        right = {"phone_number": phone, "code": digits(target.server.messages(phone)[-1])}
        if visit % 2:
            right["request_id"] = asked.body["request_id"]
        answer = target.server.post(
            "auth-code", forwarded_for=elsewhere if visit % 2 else home, **right
        )
        logins += answer.status == 200
        moved += answer.status == 200 and visit % 2
        bot(seconds)
    disabled = target.server.post("get-code", phone_number=phone, forwarded_for=next(addresses))
    messages = len(target.server.messages(phone)) - (disabled.status == 202)
    evaluated = OTPCode.objects.aggregate(most=Max("failed_attempts"))["most"]
    return Row(
        attack=f"a bot that guesses wrong each second, for {visits} visits of the holder",
        parameters=(
            f"{days} days; it asks for no message, each guess from another address; the holder "
            "comes from a new address each time, and at every second visit logs in from "
            "another one with the request_id"
        ),
        figures=[
            Figure(what="logins with the first code", allowed=visits, measured=[logins]),
            Figure(what="of them from another address", allowed=visits // 2, measured=[moved]),
            Figure(what="of one code", allowed=5, measured=[evaluated], at_most=True),
            Figure(what="messages", allowed=visits, measured=[messages]),
            Figure(what="number disabled", allowed=0, measured=[int(disabled.status != 202)]),
        ],
    )


def bot_behind_a_shared_address(target: Target, *, numbers: int, customers: int) -> Row:
    """A bot guesses at many numbers from an address that customers share with it."""
    phones = neighbours(numbers + customers)
    for phone, address in zip(phones[:numbers], strangers(), strict=False):
        target.server.post("get-code", phone_number=phone, forwarded_for=address)
    for phone in phones[numbers:]:
        target.server.post("get-code", phone_number=phone, forwarded_for=HOME)
    wrong = [_guess(target, phone, HOME, off_by=1) for phone in phones]
    right = [_guess(target, phone, HOME) for phone in phones[numbers:]]
    evaluated = [outcome(answer) for answer in wrong[:numbers]].count("401 invalid_code")
    return Row(
        attack=f"wrong guesses at {numbers} numbers from one address",
        parameters=(
            'failures_ip "30/h"; a live code for each; then the right codes of as many as '
            f"{customers} customers who asked for them at the same address"
        ),
        figures=[
            Figure(what="evaluated", allowed=30, measured=[evaluated]),
            Figure(
                what="logins of customers",
                allowed=customers,
                measured=[sum(answer.status == 200 for answer in right)],
            ),
            Figure(
                what="rows of the address",
                allowed=1,
                measured=[Limit.objects.filter(kind="failures_ip").count()],
            ),
        ],
    )


def _guess_each_second(
    target: Target, phone: str, addresses: Iterator[str], seconds: int
) -> None:
    for _ in itertools.repeat(None, seconds):
        target.clock.advance(SECOND)
        _guess(target, phone, next(addresses), off_by=1)


def _guess(target: Target, phone: str, address: str, *, off_by: int = 0) -> Answer:
    sent = target.server.messages(phone)
    code = (int(digits(sent[-1])) + off_by if sent else 0) % 10**6
    body = {"phone_number": phone, "code": f"{code:06}"}
    return target.server.post("auth-code", forwarded_for=address, **body)
