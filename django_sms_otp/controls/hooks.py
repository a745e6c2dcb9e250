"""Where a site asks somebody else before a message is sent: a CAPTCHA, a look-up of the number.

Both run before the transaction, once a request, and cost the time that they take. An error in
one of them refuses the request: what is meant to stop an attack must not fail open.
"""

from __future__ import annotations

import enum
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..conf import load_class
from ..exceptions import InvalidSettings, Unavailable
from ..logs import log_fields
from ..phone import PhoneNumber

__all__ = ["Challenge", "NumberLookup", "SendAttempt", "Verdict"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    """Somebody asks for a message.

    :param response: what the client sent as ``challenge``; ``None``: nothing.
    """

    phone_number: PhoneNumber
    purpose: str
    ip_address: str | None = None
    response: str | None = field(default=None, repr=False)


class Challenge:
    """A CAPTCHA or proof of work. Named by ``CHALLENGE``."""

    def passes(self, attempt: SendAttempt) -> bool:
        """Tell whether the caller is human enough. Everybody must be asked alike: an answer
        that depends on the number would tell which ones are customers'."""
        raise NotImplementedError(f"{type(self).__name__} must define passes().")


class Verdict(enum.Enum):
    """What a look-up found."""

    GOOD = "good"
    NOT_SMS_CAPABLE = "not_sms_capable"
    FRAUD = "fraud"


class NumberLookup:
    """Asks a provider about a number, such as Twilio Lookup. Named by ``NUMBER_LOOKUP``."""

    def look_up(self, attempt: SendAttempt) -> Verdict:
        """Return what is known of the number. ``FRAUD`` is answered as if a message had been
        sent: whom we take for a fraudster learns nothing."""
        raise NotImplementedError(f"{type(self).__name__} must define look_up().")


def passes_challenge(attempt: SendAttempt) -> bool:
    """Ask the class that ``CHALLENGE`` names.

    :raises Unavailable: it failed.
    """
    challenge = load_class("CHALLENGE", Challenge)()
    return _ask("CHALLENGE", attempt, lambda: challenge.passes(attempt))


def look_up(attempt: SendAttempt) -> Verdict:
    """Ask the class that ``NUMBER_LOOKUP`` names.

    :raises Unavailable: it failed.
    """
    lookup = load_class("NUMBER_LOOKUP", NumberLookup)()
    return _ask("NUMBER_LOOKUP", attempt, lambda: lookup.look_up(attempt))


def _ask(setting: str, attempt: SendAttempt, question: Callable[[], T]) -> T:
    try:
        return question()
    except InvalidSettings:
        raise
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the number.
        frames = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
    extra = log_fields(
        "hook_error",
        phone_number=attempt.phone_number,
        purpose=attempt.purpose,
        control=setting.lower().removeprefix("number_"),
        error_code=name,
    )
    text = "The class of SMS_OTP[%r] failed with %s:\n%s"
    logger.error(text, setting, name, frames, extra=extra)
    raise Unavailable(f"SMS_OTP[{setting!r}] failed with {name}.")
