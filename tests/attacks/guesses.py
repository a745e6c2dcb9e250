"""Wrong codes: at once, over and over, for days."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from itertools import islice, repeat
from typing import Any

import time_machine
from django.core.management import call_command
from django.db.models import Max, Sum

from django_sms_otp.models import Limit, OTPCode

from .figures import Figure, Row
from .guesser import Guesser, growing_wait
from .targets import HOME, START, Target, neighbours, strangers

__all__ = ["days_of_guesses", "hour_of_guesses", "lockout_of_the_holder"]

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

NEW_PLACE = "203.0.113.77"

MOST_ASKERS = 200
"""Ends an attack that nothing else stops."""


def hour_of_guesses(
    target: Target, *, salvo: int, threads: int, side_by_side: bool = False
) -> Row:
    """Strangers guess before and after the end of each wait, with new codes if they can."""
    [phone] = neighbours(1)
    guesser = Guesser(
        target, phone, strangers(), salvo=salvo, threads=threads, side_by_side=side_by_side
    )
    too_early, times = 0, _around_each_wait()
    for at in times:
        target.clock.move_to(START + at)
        guesser.ask()
        evaluated = guesser.guess()
        # All but the first of each pair is when a wait is over.
        too_early += evaluated if at + 2 * SECOND in times or at == times[-1] else 0
    waits = Figure(what="during a wait", allowed=0, measured=[too_early])
    return Row(
        attack=f"{salvo * len(times)} wrong guesses in an hour",
        parameters=(
            f"{len(times)} salvoes of {salvo} by {threads} threads, each guess from another "
            "address, a code asked for before each"
            f"{'; REQUIRE_REQUEST_ID, at all live codes by turns' if side_by_side else ''}"
        ),
        figures=[
            *_evaluated(
                phone, most=25 if side_by_side else 10, by_answers=len(guesser.evaluated)
            ),
            # Each code that somebody asked for has an id, and guesses of its own.
            *([] if side_by_side else [waits]),
            Figure(
                what="messages",
                allowed=5,
                measured=[len(target.server.messages(phone))],
                at_most=True,
            ),
        ],
    )


def days_of_guesses(target: Target, *, salvo: int, threads: int) -> Row:
    """Strangers guess until they are locked out, then people who ask for codes themselves; then
    somebody goes on from an address that the number's holder logs in from."""
    [phone] = neighbours(1)
    _log_in(target, phone)
    outside = Guesser(target, phone, strangers(), salvo=salvo, threads=threads)
    at_home = Guesser(target, phone, repeat(HOME), salvo=salvo, threads=threads)
    outside.besiege()
    hours = (target.clock.now() - START) // HOUR
    last = [outside.guess_right()]
    by_askers = _ask_and_guess(target, phone)
    at_home.besiege()
    by_answers = len(outside.evaluated) + by_askers + len(at_home.evaluated)
    evaluated = _evaluated(phone, most=100, by_answers=by_answers, of_one=15)
    last += [outside.guess_right(), at_home.guess_right()]
    _purge_later(target, timedelta(days=60))
    last += [outside.ask(), at_home.ask()]
    admitted = sum(answer.status < 300 for answer in last)
    return Row(
        attack="wrong guesses until the number is disabled",
        parameters=(
            f"salvoes of {salvo} by {threads} threads in the middle and at the end of each "
            "wait, ever new codes; first from new addresses; then by askers, each from the "
            "address that asked; then from the holder's own"
        ),
        figures=[
            *evaluated,
            *_over_days(outside, at_home),
            Figure(what="by askers", allowed=10, measured=[by_askers], at_most=True),
            Figure(
                what="logins with the right code then, and messages 60 days and a purge later",
                allowed=0,
                measured=[admitted],
            ),
            Figure(what="hours that strangers needed", allowed=None, measured=[hours]),
        ],
    )


def lockout_of_the_holder(target: Target) -> Row:
    """Strangers make a number wait; its holder, where she logged in before, does not."""
    [phone] = neighbours(1)
    _log_in(target, phone)
    outside = Guesser(target, phone, strangers(), salvo=6, threads=6)
    outside.ask()
    outside.guess()
    target.clock.advance(31 * SECOND)
    outside.ask()
    outside.guess()
    stranger = outside.guess_right()
    holder = Guesser(target, phone, repeat(HOME)).guess_right()
    outside.ask()
    outside.guess()
    target.clock.advance(31 * SECOND)
    newcomer = Guesser(target, phone, repeat(NEW_PLACE))
    newcomer.ask()
    asker = newcomer.guess_right()
    return Row(
        attack="the right code while wrong guesses make strangers wait",
        parameters=(
            "6 wrong guesses before; from a new address, from one that logged in before, from "
            "one that asked for the code"
        ),
        figures=[
            Figure(what="logins, new", allowed=0, measured=[int(stranger.status == 200)]),
            Figure(what="logins, known", allowed=1, measured=[int(holder.status == 200)]),
            Figure(what="logins, asked", allowed=1, measured=[int(asker.status == 200)]),
        ],
    )


def _ask_and_guess(target: Target, phone: str) -> int:
    """Ask from ever new addresses, and guess from the same; return how many were evaluated."""
    evaluated = 0
    for address in islice(strangers(), 5000, 5000 + MOST_ASKERS):
        asker = Guesser(target, phone, repeat(address), salvo=6, threads=6)
        asked = asker.ask()
        evaluated += asker.guess() if asked.status == 202 else 0
        if asker.is_shut_out:
            break
        target.clock.advance(asked.retry_after or 31 * SECOND)
    return evaluated


def _log_in(target: Target, phone: str) -> None:
    """Log in from the holder's address, long enough ago for all quotas to be free again."""
    target.clock.move_to(START - timedelta(days=2))
    holder = Guesser(target, phone, repeat(HOME))
    holder.ask()
    if (answer := holder.guess_right()).status != 200:
        raise RuntimeError(f"The holder could not log in: {answer}")
    target.clock.move_to(START)


def _over_days(outside: Guesser, at_home: Guesser) -> list[Figure]:
    both = outside, at_home
    strangers_own = [len(outside.evaluated)]
    hourly, too_early = [who.most_in_an_hour() for who in both], [who.too_early for who in both]
    return [
        Figure(what="by strangers", allowed=80, measured=strangers_own, at_most=True),
        Figure(what="in any hour, each", allowed=10, measured=hourly, at_most=True),
        Figure(what="during a wait", allowed=0, measured=too_early),
    ]


def _purge_later(target: Target, later: timedelta) -> None:
    target.clock.advance(later)
    # This process has a clock of its own.
    with time_machine.travel(target.clock.now()):
        call_command("purge_otp_codes", stdout=StringIO())


def _around_each_wait() -> list[timedelta]:
    """Return the start, a second before and after the end of each wait, and the hour's end."""
    times, over = [timedelta()], timedelta()
    for evaluated in range(5, 10):
        over += growing_wait(evaluated) + SECOND
        times += [over - 2 * SECOND, over]
    return [*times, HOUR - 2 * SECOND]


def _evaluated(phone: str, *, most: int, by_answers: int, of_one: int = 5) -> list[Figure]:
    codes: dict[str, Any] = OTPCode.objects.filter(phone_number=phone).aggregate(
        total=Sum("failed_attempts"), most=Max("failed_attempts")
    )
    state = Limit.objects.get(subject=phone).state
    counted = [by_answers, codes["total"], state["guesses"]["consecutive"]]
    return [
        Figure(what="evaluated", allowed=most, measured=counted, at_most=True),
        Figure(what="of one code", allowed=of_one, measured=[codes["most"]], at_most=True),
    ]
