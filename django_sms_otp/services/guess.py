"""A guess at a code, and its result."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser

from ..auth.users import get_user_resolver
from ..controls.address_guesses import AddressGuesses
from ..controls.callers import Caller
from ..controls.openings import Opening
from ..db import NumberRow
from ..limits.failures import Claimant
from ..masked import MaskedText
from ..models import OTPCode
from ..purposes import Purpose
from ..results import Redeemed, RedemptionRefused

__all__ = ["Guess", "GuessResult"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Generic[T]):
    """A typed code, and what its caller gets for the right one.

    :param user: whose action the code confirms, if it logs nobody in.
    :param address: the wrong guesses that were made from the caller's address.
    :param opening: whether the number may open its account.
    :param typed: the code as typed; the ``repr`` does not show it.
    """

    purpose: Purpose
    context: str
    request_id: uuid.UUID | None
    caller: Caller
    address: AddressGuesses
    opening: Opening
    typed: str = field(repr=False)
    grant: Callable[[Any], T] | None
    grant_writes: bool
    grant_to_new: Callable[[Any], T] | None = None
    # The name of a user may be the number.
    user: AbstractBaseUser | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "typed", MaskedText(self.typed))

    @property
    def is_granted_first(self) -> bool:
        """Whether ``grant`` is called before the transaction.

        No lock is held during the call then, but its writes would not be rolled back.
        """
        if self.grant and self.grant_writes:
            return False
        return not (self.purpose.opens_account and get_user_resolver().may_log_in_writes)

    @property
    def asks_site(self) -> bool:
        """Whether the site is asked between the right code and what it authorises.

        :raises InvalidSettings: its class cannot be loaded. No guess is counted then.
        """
        is_of_account = self.purpose.opens_account or self.user is not None
        return is_of_account and self.opening.asks_site

    def claimant(self, row: NumberRow, otp_code: OTPCode | None) -> Claimant:
        """Return whose guess it is.

        :param otp_code: the live code; ``None`` if there is none.
        """
        return row.state.claimant(
            self.caller.tags(row.e164),
            otp_code.short_id if otp_code else "",
            brings_id=otp_code is not None and self.request_id is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessResult(Generic[T]):
    """The committed result of a guess.

    :param registered: the user whom this login created, even if that user may not log in.
    :param charged_to: the group of callers that the guess was counted for as wrong; empty if it
        was not counted.
    :param charged_at: when that was, if its gateway has yet to evaluate the guess. ``answer``
        is then the answer to a wrong guess.
    :param is_right: whether the guess was right, and the site has yet to be asked about it.
        ``answer`` is then the answer to a wrong guess.
    """

    answer: Redeemed[T] | RedemptionRefused
    otp_code: OTPCode | None = None
    registered: AbstractBaseUser | None = None
    charged_to: str = ""
    charged_at: datetime | None = None
    is_right: bool = False
