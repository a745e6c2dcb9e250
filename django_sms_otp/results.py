"""What the services answer: frozen values, to be read by name. Nothing in them holds a code."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["CodeRequested", "Redeemed", "RedemptionRefused", "RequestRefused"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequested:
    """A code was issued, or sent again.

    :param expires_at: when the code dies; sending it again does not change that.
    :param resend_available_at: when the next message may go to this number.
    """

    request_id: uuid.UUID
    expires_at: datetime
    resend_available_at: datetime
    code_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """No message was sent, or nobody knows whether one was.

    :param reason: the stable word that the API answers with, such as ``cooldown``.
    :param retry_after: how long to wait; ``None``: asking again will not help.
    :param issued: the code, where its message may have arrived all the same.
    """

    reason: str
    retry_after: timedelta | None = None
    issued: CodeRequested | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed(Generic[T]):
    """The code was right, and is used up. Its ``repr`` does not show what was granted.

    :param user: who has logged in; ``None`` for a purpose other than ``login``.
    :param registered: this login created the account.
    :param granted: what ``grant`` returned.
    """

    request_id: uuid.UUID
    user: AbstractBaseUser | None
    registered: bool
    granted: T | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionRefused:
    """Nobody was logged in.

    :param reason: ``invalid_code``, ``too_many_attempts`` or ``no_active_account``.
    :param retry_after: how long until a new code can be asked for.
    """

    reason: str
    retry_after: timedelta | None = None
