"""The answers of the services, as frozen values. No answer holds a code."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser

from .phone import PhoneNumber
from .texts import text_of

__all__ = [
    "CodeRequested",
    "Erased",
    "LinkedNumber",
    "NumberLinked",
    "NumberRefused",
    "Redeemed",
    "RedemptionRefused",
    "RequestRefused",
    "StepUpRequested",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequested:
    """A code was issued, or sent again.

    :param expires_at: when the code expires. Sending it again does not extend its life.
    :param resend_available_at: when the next message may go to the number.
    """

    request_id: uuid.UUID
    expires_at: datetime
    resend_available_at: datetime
    code_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """No message was sent, or it is unknown whether one was.

    :param reason: the stable word of the API's answer, such as ``cooldown``.
    :param retry_after: how long to wait; ``None`` if asking again does not help.
    :param issued: the issued code, if its message may have arrived all the same.
    """

    reason: str
    retry_after: timedelta | None = None
    issued: CodeRequested | None = None

    @property
    def text(self) -> str:
        """What the person reads, in the active language."""
        return text_of(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed(Generic[T]):
    """The code was right, and is used up.

    :param user: the user who logged in; ``None`` for a purpose other than ``login``.
    :param registered: whether this login created the account.
    :param granted: the result of ``grant``. The ``repr`` does not show it.
    """

    request_id: uuid.UUID
    user: AbstractBaseUser | None
    registered: bool
    granted: T | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionRefused:
    """The guess was refused.

    :param reason: ``invalid_code``, ``too_many_attempts``, ``no_active_account`` or
        ``reverification_needed``; of a step-up also ``not_found``.
    :param retry_after: how long to wait before a new code can be requested; ``None`` if waiting
        does not help.
    :param is_spent: whether it was refused because the caller has no guess left at this code,
        and needs a new one.
    """

    reason: str
    retry_after: timedelta | None = None
    is_spent: bool = False

    @property
    def text(self) -> str:
        """What the person reads, in the active language."""
        return text_of(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What ``erase_number()`` has done.

    :param codes: deleted codes.
    :param accounts: accounts that the number opens no more.
    :param keeps_limits: whether the number's row stays, because limits still count in it.
    """

    codes: int
    accounts: int
    keeps_limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedNumber:
    """A number that opens a user's account.

    :param id: names the number among those of its user.
    :param is_primary: whether it is the user's main number.
    :param verified_at: when its holder proved to hold it; ``None`` if that is not kept.
    :param last_used_at: when a code was last redeemed; ``None`` if that is not kept.
    :param is_test: whether it has opened the account by the fixed code of a test number.
    """

    id: str
    phone_number: PhoneNumber
    is_primary: bool
    verified_at: datetime | None = None
    last_used_at: datetime | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLinked:
    """The number opens the user's account from now on.

    :param number: the number, as the user has it now.
    :param replaced: the number that it took the place of; ``None`` if it was added.
    """

    number: LinkedNumber
    replaced: LinkedNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRefused:
    """The numbers of the user are what they were.

    :param reason: ``not_found``, ``last_way_in`` or ``phone_number_taken``; or a reason of
        :class:`RedemptionRefused`.
    :param retry_after: how long to wait; ``None`` if waiting does not help.
    :param is_spent: as of :class:`RedemptionRefused`.
    """

    reason: str
    retry_after: timedelta | None = None
    is_spent: bool = False

    @property
    def text(self) -> str:
        """What the person reads, in the active language."""
        return text_of(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpRequested:
    """A code was sent to a number of the user's own.

    :param number: the number that it went to.
    """

    number: LinkedNumber
    code: CodeRequested
