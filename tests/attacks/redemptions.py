"""The right code, many times at once."""

from __future__ import annotations

from functools import partial

from django_sms_otp.models import OTPCode, VerifiedPhone
from tests.support.server import Answer, at_once

from .figures import Figure, Row, answered
from .targets import Target, neighbours, strangers

__all__ = ["right_guesses_at_once"]


def right_guesses_at_once(target: Target, *, rounds: int, guesses: int = 32) -> Row:
    """Whoever has read a code may log in once, however fast."""
    addresses, phones = strangers(), neighbours(rounds)
    answers: list[list[Answer]] = []
    for phone in phones:
        guess = partial(target.server.post, "auth-code", phone_number=phone)
        target.server.post("get-code", phone_number=phone, forwarded_for=next(addresses))
        code = target.server.code(phone)
        answers.append(
            at_once(
                partial(guess, code=code, forwarded_for=next(addresses)) for _ in range(guesses)
            )
        )
    accounts = [VerifiedPhone.objects.filter(phone_number=phone).count() for phone in phones]
    redeemed = OTPCode.objects.filter(redeemed_at__isnull=False)
    return Row(
        attack=f"{guesses} right guesses at once",
        parameters=f"{rounds} rounds, each with a new number",
        figures=[
            *answered({"200": 1, "401 invalid_code": guesses - 1}, answers),
            Figure(what="accounts", allowed=1, measured=accounts),
            Figure(
                what="codes redeemed",
                allowed=1,
                measured=[redeemed.filter(phone_number=phone).count() for phone in phones],
            ),
        ],
    )
