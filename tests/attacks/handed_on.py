"""Numbers that are somebody else's by now: handed on by the operator, or on a swapped SIM."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from django.contrib.auth.models import User

from django_sms_otp.models import VerifiedPhone
from tests.support.server import Answer, at_once

from .figures import Figure, Row, answered, outcome
from .hooks import QUESTIONS
from .targets import START, Target, neighbours, strangers

__all__ = ["STALE_DAYS", "oracle_of_stale_numbers", "recycled_numbers", "swapped_sim"]

STALE_DAYS = 180
PARAMETERS = f"STALE_AFTER of {STALE_DAYS} days, numbers unused for {STALE_DAYS + 1}"


def recycled_numbers(target: Target, *, rounds: int) -> Row:
    """Whoever was given a number reads its codes, and has all the time in the world."""
    target.clock.move_to(START)
    phones, answers = neighbours(rounds), list[list[Answer]]()
    _belong_to_somebody(phones, unused=timedelta(days=STALE_DAYS + 1))
    for phone in phones:
        answers.append([])
        for _ in range(3):
            answers[-1].append(_log_in(target, phone))
            target.clock.advance(timedelta(days=1))
    fresh = VerifiedPhone.objects.filter(last_used_at__isnull=False)
    return Row(
        attack="the new holder of a recycled number logs in with the right code",
        parameters=f"{rounds} rounds of three days, each with another number; {PARAMETERS}",
        figures=[
            *answered({"403 reverification_needed": 3}, answers),
            Figure(what="numbers made fresh", allowed=0, measured=[fresh.count()]),
            Figure(what="new accounts", allowed=0, measured=[User.objects.count() - rounds]),
        ],
    )


def oracle_of_stale_numbers(target: Target, *, numbers: int) -> Row:
    """Who does not read a number's messages looks for one to buy a SIM card for."""
    target.clock.move_to(START)
    phones = neighbours(3 * numbers)
    stale, used, unknown = (phones[kind::3] for kind in range(3))
    _belong_to_somebody(stale, unused=timedelta(days=STALE_DAYS + 1))
    _belong_to_somebody(used, unused=timedelta(days=1))
    addresses = strangers()
    seen: dict[str, set[tuple[str, ...]]] = {"requests": set(), "wrong guesses": set()}
    for phone in [*stale, *used, *unknown]:
        origin = next(addresses)
        asked = target.server.post("get-code", phone_number=phone, forwarded_for=origin)
        seen["requests"].add((outcome(asked), *sorted(asked.body)))
        guess = partial(target.server.post, "auth-code", phone_number=phone, code="x")
        guessed = [guess(forwarded_for=origin) for _ in range(2)]
        seen["wrong guesses"].add(tuple(map(outcome, guessed)))
    return Row(
        attack="a stranger who looks for stale numbers",
        parameters=f"{numbers} each of stale, used and unknown ones; {PARAMETERS}",
        figures=[
            Figure(what=f"kinds of answers to {what}", allowed=1, measured=[len(kinds)])
            for what, kinds in seen.items()
        ],
    )


def swapped_sim(target: Target, *, rounds: int, guesses: int = 32) -> Row:
    """The thief reads the codes, and sends each many times to make the site ask and pay."""
    phones, answers, questions = neighbours(rounds), list[list[Answer]](), list[int]()
    _belong_to_somebody(phones, unused=timedelta(days=1))
    addresses = strangers()
    for phone in phones:
        before = _questions(target)
        thief = next(addresses)
        target.server.post("get-code", phone_number=phone, forwarded_for=thief)
        guess = partial(target.server.post, "auth-code", phone_number=phone)
        code = target.server.code(phone)
        answers.append(
            at_once([partial(guess, code=code, forwarded_for=thief) for _ in range(guesses)])
        )
        questions.append(_questions(target) - before)
    return Row(
        attack=f"the right code {guesses} times at once, from a swapped SIM",
        parameters=f"{rounds} rounds, each with another number; NUMBER_RISK asks for more",
        figures=[
            Figure(what="logins", allowed=0, measured=_count("200", answers)),
            Figure(
                what="told why",
                allowed=1,
                measured=_count("403 reverification_needed", answers),
                at_most=True,
            ),
            Figure(
                what="questions to the provider", allowed=5, measured=questions, at_most=True
            ),
        ],
    )


def _belong_to_somebody(phones: Iterable[str], *, unused: timedelta) -> None:
    for number, phone in enumerate(phones):
        user = User.objects.create(username=f"holder-{phone}-{number}")
        VerifiedPhone.objects.create(user=user, phone_number=phone, verified_at=START - unused)


def _log_in(target: Target, phone: str) -> Answer:
    [origin] = islice(strangers(), 1)
    target.server.post("get-code", phone_number=phone, forwarded_for=origin)
    code = target.server.last_code(phone)
    return target.server.post("auth-code", phone_number=phone, code=code, forwarded_for=origin)


def _count(wanted: str, rounds: Iterable[list[Answer]]) -> list[int]:
    return [sum(outcome(each) == wanted for each in answers) for answers in rounds]


def _questions(target: Target) -> int:
    path: Path = target.server.messages_file.with_name(QUESTIONS)
    return len(path.read_text().splitlines()) if path.exists() else 0
