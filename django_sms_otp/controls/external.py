"""The controls that ask a class of the site: a challenge, a look-up of the number.

An answer may cost money. So each control asks once a request, only if every group before it
lets the message pass, and after the request has been counted against the limits of the caller's
address. It stays counted, whatever the answer is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from django.core.cache import cache
from django.utils.functional import cached_property

from ..conf import Settings, load_class, secret_keys
from ..crypto import digest
from ..db import NumberRow
from ..exceptions import InvalidSettings, Unavailable
from ..logs import describe_error, log_fields, translate_errors
from .base import Controls, Subject, Violation
from .hooks import Challenge, NumberLookup, NumberUse, SendAttempt, Verdict
from .prepayment import take_from_address, take_now
from .quotas import lookup_charge

__all__ = ["ChallengeControl", "LookupControl", "ask_site"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")
About = TypeVar("About", SendAttempt, NumberUse)

VERDICT_AGE = timedelta(days=1)
"""How long the cache keeps a verdict. The same number is not paid for again meanwhile."""

VERDICT_LABEL = b"django_sms_otp.lookup"


class ChallengeControl(Controls):
    """Refuses callers that do not pass ``CHALLENGE``."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.CHALLENGE is not None and settings.mode("challenge") != "off"

    def check(self, row: NumberRow) -> Sequence[Violation]:
        # Without a response there is nothing to ask a provider.
        if self.subject.attempt.response is not None and (full := _pay(self.subject)):
            return [full]
        if self._is_passed:
            return []
        return [Violation(control="challenge", reason="challenge_required")]

    @cached_property
    def _is_passed(self) -> bool:
        challenge = load_class("CHALLENGE", Challenge)()
        return ask_site("CHALLENGE", self.subject.attempt, challenge.passes)


class LookupControl(Controls):
    """Refuses numbers by ``NUMBER_LOOKUP``."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._verdict: Verdict | None = None
        self._is_over_cap = False

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.NUMBER_LOOKUP is not None and settings.mode("lookup") != "off"

    def check(self, row: NumberRow) -> Sequence[Violation]:
        if self.settings.test_code(row.e164):
            return []  # No message goes there, and a provider may call the number invalid.
        if self._verdict is None and not self._is_over_cap:
            self._verdict = _kept_verdict(self.subject.attempt)
            if self._verdict is None and (full := self._look_up()):
                return [full]
        if self._is_over_cap:
            # No more look-ups: only numbers that have proven themselves get a message.
            return [] if self.subject.is_trusted(row) else [_suspicion()]
        if self._verdict is Verdict.NOT_SMS_CAPABLE:
            return [Violation(control="lookup", reason="phone_number_not_sms_capable")]
        is_suspect = self._verdict is Verdict.FRAUD and not self.subject.is_allowed(row)
        return [_suspicion()] if is_suspect else []

    def _look_up(self) -> Violation | None:
        """Pay for a look-up, and ask. Return the limit of the address that is used up."""
        if full := _pay(self.subject):
            return full
        charge = lookup_charge(self.settings)
        if charge and take_now([charge]):
            self._is_over_cap = True
            return None
        lookup = load_class("NUMBER_LOOKUP", NumberLookup)()
        self._verdict = ask_site("NUMBER_LOOKUP", self.subject.attempt, lookup.look_up)
        _keep_verdict(self.subject.attempt, self._verdict)
        return None


def _suspicion() -> Violation:
    return Violation(control="lookup", reason="quota_exceeded", is_soft=True)


def _pay(subject: Subject) -> Violation | None:
    """Count a request against the limits of the caller's address, unless that was done.

    Return the limit that is used up, if one is.
    """
    if subject.has_paid:
        return None
    full = None
    # A store has counted the request before.
    if subject.settings.LIMITS_CACHE is None:
        full = take_from_address(subject.attempt.phone_number, subject.caller)
    subject.has_paid = full is None
    return full


def _kept_verdict(attempt: SendAttempt) -> Verdict | None:
    kept = _with_cache(lambda: cache.get(_cache_key(attempt)))
    return next((each for each in Verdict if each.value == kept), None)


def _keep_verdict(attempt: SendAttempt, verdict: Verdict) -> None:
    seconds = VERDICT_AGE.total_seconds()
    _with_cache(lambda: cache.set(_cache_key(attempt), verdict.value, seconds))


def _cache_key(attempt: SendAttempt) -> str:
    # Keyed, so that the cache does not tell which numbers were asked for.
    name = digest(secret_keys()[0], VERDICT_LABEL, attempt.phone_number.e164.encode())
    return f"django_sms_otp:lookup:{name.hex()}"


def _with_cache(call: Callable[[], T]) -> T | None:
    """Return what ``call`` returns. A cache that is down costs look-ups, but stops no login."""
    try:
        return call()
    except Exception as error:  # Each cache has errors of its own.
        name = type(error).__name__
        extra = log_fields("hook_error", control="lookup", error_code=name)
        logger.warning("The cache of look-ups failed with %s.", name, extra=extra)
        return None


def ask_site(setting: str, about: About, question: Callable[[About], T]) -> T:
    """Ask a class of the site.

    :raises Unavailable: the class raised an error.
    """

    def translate(error: Exception) -> Unavailable:
        name = type(error).__name__
        extra = log_fields(
            "hook_error",
            phone_number=about.phone_number,
            purpose=about.purpose,
            control=setting.lower().removeprefix("number_"),
            error_code=name,
        )
        text = "The class of SMS_OTP[%r] failed with %s"
        logger.error(text, setting, describe_error(error), extra=extra)
        return Unavailable(f"SMS_OTP[{setting!r}] failed with {name}.")

    return translate_errors(lambda: question(about), translate, own=InvalidSettings)
