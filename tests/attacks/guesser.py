"""Guesses the codes of one number as often as anybody can, in simulated time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django_sms_otp.conf import Settings
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.models import OTPCode
from tests.support.server import Answer, at_once, digits

from .figures import outcome
from .targets import Target

__all__ = ["Guesser", "growing_wait"]

DEFAULTS = Settings()
HOURLY = parse_rates(DEFAULTS.LIMITS["failures"] or "")[0]

EXPECTED = {200, 202, 401, 429}

MOST_STEPS = 1000
"""Ends an attack that nothing else stops."""

SECOND = timedelta(seconds=1)


def growing_wait(evaluated: int) -> timedelta:
    """Return the wait after so many wrong guesses in a row: 30 seconds up to an hour."""
    doubled = evaluated - DEFAULTS.MAX_ATTEMPTS
    return timedelta(seconds=min(30 * 2 ** min(doubled, 10), 3600) if doubled >= 0 else 0)


class Guesser:
    """Knows the published limits, and so wastes no message and no time.

    :param addresses: one for each request.
    :param salvo: guesses at a time, by so many ``threads``.
    :param side_by_side: the site requires request ids: guess at all live codes by turns.

    ``evaluated`` has the time of each guess that was evaluated, as the answers tell;
    ``too_early`` counts those of them that came before a wait was over.
    """

    def __init__(
        self,
        target: Target,
        phone: str,
        addresses: Iterator[str],
        *,
        salvo: int = 1,
        threads: int = 1,
        side_by_side: bool = False,
    ) -> None:
        self._server, self._clock = target.server, target.clock
        self._phone, self._addresses = phone, addresses
        self._salvo, self._threads = salvo, threads
        self._side_by_side = side_by_side
        self.evaluated: list[datetime] = []
        self.too_early = 0
        self.is_shut_out = False

    def besiege(self) -> None:
        """Ask and guess until no waiting helps any more."""
        for _ in range(MOST_STEPS):
            asked = None if self.live_codes() else self.ask()
            if self.live_codes():
                self.guess()
            if self.is_shut_out:
                return
            self._wait(asked)
        raise RuntimeError("Nothing ends this attack.")

    def ask(self) -> Answer:
        """Ask for a code."""
        return self._post("get-code", next(self._addresses))

    def guess(self) -> int:
        """Guess at once with different wrong codes; return how many were evaluated."""
        # Without a live code every guess is answered 401, and none is evaluated.
        live = self.live_codes()
        rights = itertools.cycle(self._rights(live or self._codes()[:1]))
        answers = at_once(
            [
                partial(
                    self._post,
                    "auth-code",
                    next(self._addresses),
                    **next(rights).missed_by(number),
                )
                for number in range(1, self._salvo + 1)
            ],
            threads=self._threads,
        )
        evaluated = [outcome(answer) for answer in answers].count("401 invalid_code")
        self.evaluated += [self._clock.now()] * (evaluated if live else 0)
        return evaluated if live else 0

    def guess_right(self) -> Answer:
        """Try the code that was sent last."""
        [right] = self._rights(self._codes()[:1])
        return self._post("auth-code", next(self._addresses), **right.missed_by(0))

    def live_codes(self) -> list[OTPCode]:
        """Return the codes that a guess can hit, as the database has them."""
        now, most = self._clock.now(), DEFAULTS.MAX_ATTEMPTS
        codes = self._codes() if self._side_by_side else self._codes()[:1]
        return [code for code in codes if code.is_live(now) and code.failed_attempts < most]

    def _codes(self) -> list[OTPCode]:
        codes = OTPCode.objects.filter(phone_number=self._phone)
        return list(codes.order_by("-created_at"))

    def most_in_an_hour(self) -> int:
        """Return the most guesses that were evaluated in any hour."""
        hour = timedelta(hours=1)
        return max(
            (
                sum(start <= at < start + hour for at in self.evaluated)
                for start in self.evaluated
            ),
            default=0,
        )

    def _wait(self, asked: Answer | None) -> None:
        """Wait for the next chance, and try half-way if it comes earlier."""
        now = self._clock.now()
        refused_for = (asked.retry_after if asked else None) or timedelta()
        wait_over = self._wait_over()
        until = max(wait_over + SECOND, now + refused_for)
        self._clock.move_to(now + (until - now) / 2)
        if self.live_codes() and self._clock.now() < wait_over:
            self.too_early += self.guess()
        self._clock.move_to(until)

    def _wait_over(self) -> datetime:
        """Return when the limits let another guess be evaluated."""
        now = self._clock.now()
        if not self.evaluated:
            return now
        wait_over = max(now, self.evaluated[-1] + growing_wait(len(self.evaluated)))
        full = self.evaluated[-HOURLY.count :]
        if len(full) < HOURLY.count:
            return wait_over
        return max(wait_over, full[0] + timedelta(seconds=HOURLY.window))

    def _rights(self, codes: Iterable[OTPCode]) -> list[_Right]:
        sent = {each["request_id"]: each for each in self._server.messages(self._phone)}
        return [
            _Right(int(digits(sent[str(code.pk)])), str(code.pk) if self._side_by_side else "")
            for code in codes
        ]

    def _post(self, path: str, address: str, **body: str) -> Answer:
        answer = self._server.post(
            path, phone_number=self._phone, forwarded_for=address, **body
        )
        if answer.status not in EXPECTED:
            raise RuntimeError(f"{path} answered {answer}")
        if outcome(answer) == "429 too_many_attempts" and answer.retry_after is None:
            self.is_shut_out = True
        return answer


@dataclass(frozen=True, slots=True)
class _Right:
    """The right digits, which the harness may know, and the request id if a guess needs it."""

    code: int
    request_id: str

    def missed_by(self, number: int) -> dict[str, str]:
        """Return the body of a guess that misses the right code by so much."""
        body = {"code": f"{(self.code + number) % 10**6:06}"}
        return body | ({"request_id": self.request_id} if self.request_id else {})
