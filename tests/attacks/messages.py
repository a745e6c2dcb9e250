"""Requests that cost money: messages to one number, and to many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from operator import sub

from django_sms_otp.models import OTPCode
from tests.support.server import Answer, at_once

from .figures import Figure, Row, answered
from .targets import HOME, START, Target, neighbours, spellings, strangers

__all__ = ["many_numbers", "quota_of_a_number", "requests_at_once"]

SECOND = timedelta(seconds=1)

OTHER = "203.0.113.8"


def requests_at_once(
    target: Target, *, rounds: int, known: bool = False, requests: int = 100
) -> Row:
    """Many requests for one number that the site has never seen, or whose cooldown is over."""
    addresses, phones = strangers(), neighbours(rounds)
    ask = partial(target.server.post, "get-code")
    if known:
        target.clock.move_to(START)
        for phone in phones:
            ask(phone_number=phone, forwarded_for=next(addresses))
        target.clock.advance(31 * SECOND)
    before = [len(target.server.messages(phone)) for phone in phones]
    answers = [
        at_once(
            partial(ask, phone_number=spelled, forwarded_for=next(addresses))
            for spelled in islice(spellings(phone), requests)
        )
        for phone in phones
    ]
    after = [len(target.server.messages(phone)) for phone in phones]
    codes = [OTPCode.objects.filter(phone_number=phone).count() for phone in phones]
    whose = "whose cooldown is over" if known else "that is new"
    return Row(
        attack=f"{requests} requests at once for a number {whose}",
        parameters=(
            f"{rounds} rounds, each with another number, each request from a new address, the "
            "number spelled in five ways"
        ),
        figures=[
            Figure(what="messages", allowed=1, measured=list(map(sub, after, before))),
            *answered({"202": 1, "429 cooldown": requests - 1}, answers),
            Figure(what="codes", allowed=1, measured=codes),
        ],
    )


def many_numbers(
    target: Target,
    addresses: Sequence[str],
    *,
    limits: str,
    whence: str,
    messages: int,
    admitted: int,
    threads: int = 16,
) -> Row:
    """One request for each of many new numbers of one prefix.

    :param addresses: one for each request.
    :param limits: the limits that matter here, for the table.
    :param whence: the origin of the requests, for the table.
    :param messages: how many the limits allow.
    :param admitted: requests that the limits allow; a message may be withheld behind the
        answer.
    """
    earlier = len(target.server.all_messages())
    phones = neighbours(len(addresses))
    ask = partial(target.server.post, "get-code")
    answers = at_once(
        (
            partial(ask, phone_number=phone, forwarded_for=address)
            for phone, address in zip(phones, addresses, strict=True)
        ),
        threads=threads,
    )
    sent = len(target.server.all_messages()) - earlier
    refused = len(phones) - admitted
    return Row(
        attack=f"{len(phones)} new numbers of one prefix, {whence}",
        parameters=f"{limits}; {threads} threads",
        figures=[
            Figure(what="messages", allowed=messages, measured=[sent]),
            *answered({"202": admitted, "429 quota_exceeded": refused}, [answers]),
        ],
    )


def quota_of_a_number(target: Target, *, threads: int) -> Row:
    """Two numbers, for a day: one asked for from one address, one from two."""
    alone, shared = neighbours(2)
    ask = partial(target.server.post, "get-code")
    hour: list[int] = []
    for at in _through_a_day():
        if at > timedelta(hours=1) and not hour:
            hour = [len(target.server.messages(phone)) for phone in (alone, shared)]
        target.clock.move_to(START + at)
        calls = [
            *(partial(ask, phone_number=alone, forwarded_for=HOME) for _ in range(threads)),
            *(
                partial(ask, phone_number=shared, forwarded_for=(HOME, OTHER)[number % 2])
                for number in range(threads)
            ),
        ]
        _only_promised(at_once(calls, threads=threads))
    day = [len(target.server.messages(phone)) for phone in (alone, shared)]
    return Row(
        attack="a day of requests for one number",
        parameters=f'phone "5/h,10/d", phone_ip "3/h,5/d"; {threads} at once at each time',
        figures=[
            Figure(what="messages, one address, first hour", allowed=3, measured=[hour[0]]),
            Figure(what="whole day", allowed=5, measured=[day[0]]),
            Figure(what="messages, two addresses, first hour", allowed=5, measured=[hour[1]]),
            Figure(what="whole day", allowed=10, measured=[day[1]]),
        ],
    )


def _through_a_day() -> list[timedelta]:
    """Return when each cooldown of the first hour is over, then each hour."""
    cooldowns = (0, 31, 92, 213, 514, 1415, 2316, 3217)
    later = [timedelta(hours=hours, minutes=1) for hours in range(1, 24)]
    return [*(second * SECOND for second in cooldowns), *later]


def _only_promised(answers: Sequence[Answer]) -> None:
    if unknown := {answer.status for answer in answers} - {202, 429}:
        raise RuntimeError(f"Answered with {unknown}.")
