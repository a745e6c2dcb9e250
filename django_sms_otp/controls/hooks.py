"""The site's own controls: a CAPTCHA and a look-up before a message is sent, and an assessment
of the number before it opens an account or confirms what its user does.

They run outside of any transaction, and are asked once a call. The caller waits for them. An
error in one of them refuses the call: a control that stops attacks must not fail open.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser

from ..phone import PhoneNumber

__all__ = [
    "Challenge",
    "NumberLookup",
    "NumberRisk",
    "NumberUse",
    "Risk",
    "SendAttempt",
    "Verdict",
]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberUse:
    """A number that was proven by a right code, and is about to open an account, to be linked
    to one, or to confirm what a user does who is logged in.

    :param purpose: ``login``, ``verify_phone``, ``step_up`` or one of the site's own.
    :param user: whose account it is. A number that is being linked is not theirs yet.
    :param last_used_at: when the number last proved to be this user's; ``None`` if nobody
        knows.
    :param is_stale: whether that is longer ago than ``STALE_AFTER``, and this is a login.
    :param ip_address: the address of the client.
    :param device: an opaque text that the site gave to the client's device.
    """

    phone_number: PhoneNumber
    purpose: str
    # The name of a user may be the number.
    user: AbstractBaseUser = field(repr=False)
    last_used_at: datetime | None
    is_stale: bool = False
    ip_address: str | None = None
    device: str | None = field(default=None, repr=False)


class Risk(enum.Enum):
    """What a number may do that was proven."""

    FINE = "fine"
    """It does what its code authorises."""

    ASK_FOR_MORE = "ask_for_more"
    """Not by itself: :meth:`NumberRisk.has_given_more` decides."""

    REFUSE = "refuse"
    """It does not, whatever else its holder proves."""


class NumberRisk:
    """Assesses a number by signals such as a swapped SIM. The setting ``NUMBER_RISK`` names it.

    NIST SP 800-63B-4, 3.1.3.3, asks for such risk indicators. It is asked after the right code,
    not before the message: so only who receives the messages of a number learns anything about
    it, and nobody else makes the site pay for an answer.
    """

    def assess(self, use: NumberUse) -> Risk:
        """Return what the signals say of the number. By default all numbers are fine."""
        return Risk.FINE

    def has_given_more(self, use: NumberUse) -> bool:
        """Return whether the person has proven in another way, a moment ago, to be the user.

        It is asked about a stale number, and after :attr:`Risk.ASK_FOR_MORE`. By default nobody
        has: the ways on are another login, and then ``verify_phone``.
        """
        return False
