"""The site's own controls before a message is sent: a CAPTCHA, a look-up of the number.

Both run before the transaction, once a request. The caller waits for them. An error in one of
them refuses the request: a control that stops attacks must not fail open.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from ..phone import PhoneNumber

__all__ = ["Challenge", "NumberLookup", "SendAttempt", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    """A request for a message.

    :param response: the client's ``challenge``; ``None`` if it sent none.
    """

    phone_number: PhoneNumber
    purpose: str
    ip_address: str | None = None
    response: str | None = field(default=None, repr=False)


class Challenge:
    """A CAPTCHA or proof of work. The setting ``CHALLENGE`` names it."""

    def passes(self, attempt: SendAttempt) -> bool:
        """Return whether the caller is a person.

        The answer must not depend on the number. Otherwise it would tell which numbers have
        an account.
        """
        raise NotImplementedError(f"{type(self).__name__} must define passes().")


class Verdict(enum.Enum):
    """The answer of a look-up."""

    GOOD = "good"
    NOT_SMS_CAPABLE = "not_sms_capable"
    FRAUD = "fraud"


class NumberLookup:
    """Asks a provider such as Twilio Lookup about a number. ``NUMBER_LOOKUP`` names it."""

    def look_up(self, attempt: SendAttempt) -> Verdict:
        """Return the provider's verdict on the number.

        The caller of a ``FRAUD`` number gets the same answer as for a message that was sent.
        So a suspected fraudster learns nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} must define look_up().")
