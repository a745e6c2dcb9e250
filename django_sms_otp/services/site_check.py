"""Asks the site about a number, between the right code and what it authorises.

As with a gateway that checks codes, the guess is counted and committed before, and no
transaction is open meanwhile.
"""

from __future__ import annotations

from copy import copy
from typing import TypeVar

from django.utils import timezone

from ..db import change_number
from ..models import OTPCode
from .guess import Guess, GuessResult
from .guesses import accept_approved
from .logins import find_user

__all__ = ["accept_with_site"]

T = TypeVar("T")


def accept_with_site(guess: Guess[T], charged: OTPCode) -> GuessResult[T]:
    """Ask the site's ``NUMBER_RISK``, if there is one, and use up the code.

    :raises Unavailable: it raised an error. The guess stays counted: its provider may have
        billed the question.
    """
    if guess.asks_site:
        # A copy: of who is logged in, a later question is answered anew.
        user = copy(guess.user)
        if guess.purpose.opens_account:
            user, _ = find_user(charged.number)
        # A number without an account has nothing to lose.
        if user is not None:
            guess.opening.ask(user, charged.number, timezone.now())
    return change_number(
        charged.number.e164,
        lambda row: accept_approved(guess, charged, row),
        purpose=guess.purpose.name,
        context=guess.context,
    )
