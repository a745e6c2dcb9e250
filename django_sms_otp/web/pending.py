"""The code that this browser waits for. The session keeps it, so that no address shows it.

The ``request_id`` is there as well: who brings it has an allowance of wrong guesses of
their own, which no stranger can use up.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from ..phone import PhoneNumber
from ..results import CodeRequested

__all__ = ["Notice", "Pending"]

KEPT_FOR = timedelta(hours=1)
"""How long a number is kept after its code has expired: time to ask for another one."""

KEY, NOTICE_KEY = "_sms_otp_pending", "_sms_otp_notice"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A code that was asked for.

    :param tab: what the forms of the code page carry. A tab that was opened for another number
        carries another text, and its code is not taken for a guess.
    :param expires_at: seconds since the epoch, as :attr:`resend_at`.
    :param remember: whether the number is to be remembered on this device.
    """

    e164: str = field(repr=False)
    region: str
    request_id: str
    expires_at: float
    resend_at: float
    code_length: int
    tab: str
    remember: bool = False

    @classmethod
    def of(cls, number: PhoneNumber, code: CodeRequested, *, remember: bool) -> Pending:
        return cls(
            e164=str(number.e164),
            region=number.region,
            request_id=str(code.request_id),
            expires_at=code.expires_at.timestamp(),
            resend_at=code.resend_available_at.timestamp(),
            code_length=code.code_length,
            tab=secrets.token_urlsafe(8),
            remember=remember,
        )

    def sent_again(self, code: CodeRequested) -> Pending:
        """Return the same, after another message."""
        again = Pending.of(self.number, code, remember=self.remember)
        return replace(again, tab=self.tab)

    @classmethod
    def load(cls, session: SessionBase) -> Pending | None:
        """Return what the session waits for. What another version has written is nothing, and
        what was given up is neither: the next person at the device is not to see the number."""
        with suppress(TypeError):
            pending = cls(**session.get(KEY, {}))
            is_kept = pending.valid_until + KEPT_FOR > timezone.now()
            return pending if is_kept else None
        return None

    def save(self, session: SessionBase) -> None:
        session[KEY] = asdict(self)

    @staticmethod
    def forget(session: SessionBase) -> None:
        session.pop(KEY, None)
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
    def resend_wait(self) -> float:
        """Seconds until the next message may go to the number; 0 if it may go now."""
        return max(0.0, self.resend_at - timezone.now().timestamp())


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the code page says once, after a redirect.

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
