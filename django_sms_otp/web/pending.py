"""The code that this browser waits for. The session keeps it, so that no address shows it.

The ``request_id`` is there as well: who brings it has an allowance of wrong guesses of
their own, which no stranger can use up.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from ..phone import PhoneNumber
from ..results import CodeRequested

__all__ = ["LOGOUT_KEY", "LinkPending", "Notice", "Pending", "StepUpPending"]

KEPT_FOR = timedelta(hours=1)
"""How long a number is kept after its code has expired: time to ask for another one."""

NOTICE_KEY = "_sms_otp_notice"

LOGOUT_KEY = "_sms_otp_admin_logout"
"""Where who waits for a code before an admin logs out: its address."""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A code that was asked for.

    :param tab: what the forms of the code page carry. A tab that was opened for another number
        carries another text, and its code is not taken for a guess.
    :param expires_at: seconds since the epoch, as :attr:`resend_at`.
    :param remember: whether the number is to be remembered on this device.
    :param number_id: names the number among those of who is logged in, if it is one of theirs.
    :param is_spent: whether no guess at the code is left.
    """

    KEY: ClassVar = "_sms_otp_pending"

    e164: str = field(repr=False)
    region: str
    request_id: str
    expires_at: float
    resend_at: float
    code_length: int
    tab: str
    remember: bool = False
    number_id: str = ""
    is_spent: bool = False

    @classmethod
    def of(cls, number: PhoneNumber, code: CodeRequested, **fields: Any) -> Self:
        return cls(
            e164=str(number.e164),
            region=number.region,
            request_id=str(code.request_id),
            expires_at=code.expires_at.timestamp(),
            resend_at=code.resend_available_at.timestamp(),
            code_length=code.code_length,
            tab=secrets.token_urlsafe(8),
            **fields,
        )

    def sent_again(self, code: CodeRequested) -> Self:
        """Return the same, after another message."""
        again = self.of(self.number, code)
        again = replace(again, tab=self.tab, remember=self.remember, number_id=self.number_id)
        # The same code may come again, which somebody else can still use. Whoever has no guess
        # left at it gets another one when it has expired.
        is_spent = self.is_spent and again.request_id == self.request_id
        return again.spent(self.valid_until - timezone.now()) if is_spent else again

    def spent(self, wait: timedelta | None) -> Self:
        """Return the same, after the last guess.

        :param wait: until another code can be asked for, and is of use.
        """
        free_at = (timezone.now() + (wait or timedelta())).timestamp()
        return replace(self, is_spent=True, resend_at=max(self.resend_at, free_at))

    @classmethod
    def load(cls, session: SessionBase) -> Self | None:
        """Return what the session waits for.

        ``None`` for what another version has written, and for a code that ended a while ago:
        the next person at the device is not to see the number.
        """
        with suppress(TypeError):
            pending = cls(**session.get(cls.KEY, {}))
            is_kept = pending.valid_until + KEPT_FOR > timezone.now()
            return pending if is_kept else None
        return None

    def save(self, session: SessionBase) -> None:
        session[self.KEY] = asdict(self)

    @classmethod
    def forget(cls, session: SessionBase) -> None:
        session.pop(cls.KEY, None)
        session.pop(NOTICE_KEY, None)

    @property
    def number(self) -> PhoneNumber:
        return PhoneNumber(e164=self.e164, region=self.region)

    @property
    def valid_until(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at, UTC)

    @property
    def is_expired(self) -> bool:
        return self.valid_until <= timezone.now()

    @property
    def is_over(self) -> bool:
        """Whether this browser can enter the code no more, and needs a new one."""
        return self.is_spent or self.is_expired

    @property
    def resend_wait(self) -> float:
        """Seconds until the next message may go to the number; 0 if it may go now."""
        return max(0.0, self.resend_at - timezone.now().timestamp())


class StepUpPending(Pending):
    """A code by which who is logged in confirms that it is them."""

    KEY = "_sms_otp_step_up"


class LinkPending(Pending):
    """A code by which who is logged in adds a number."""

    KEY = "_sms_otp_link"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the next page says once, after a redirect.

    :param text: in the language of the request that has left it.
    """

    text: str
    is_error: bool = True

    def leave(self, session: SessionBase) -> None:
        session[NOTICE_KEY] = asdict(self)

    @classmethod
    def take(cls, session: SessionBase) -> Notice | None:
        left: Any = session.pop(NOTICE_KEY, None) if NOTICE_KEY in session else None
        with suppress(TypeError):
            return cls(**left) if left else None
        return None
