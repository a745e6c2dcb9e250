"""The controls that ask a class of the site: a look-up of the number, a challenge.

An answer may cost money. So each control asks once a request, and only if every group before
it lets the message pass.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.utils.functional import cached_property

from ..conf import Settings, load_class
from ..db import NumberRow
from ..exceptions import InvalidSettings, Unavailable
from ..logs import describe_error, log_fields, translate_errors
from .base import Controls, Violation
from .hooks import Challenge, NumberLookup, SendAttempt, Verdict

__all__ = ["ChallengeControl", "LookupControl"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


class LookupControl(Controls):
    """Refuses numbers by ``NUMBER_LOOKUP``."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.NUMBER_LOOKUP is not None and settings.mode("lookup") != "off"

    def check(self, row: NumberRow) -> Sequence[Violation]:
        match self._verdict:
            case Verdict.NOT_SMS_CAPABLE:
                return [Violation(control="lookup", reason="phone_number_not_sms_capable")]
            case Verdict.FRAUD:
                return [Violation(control="lookup", reason="quota_exceeded", is_soft=True)]
            case _:
                return []

    @cached_property
    def _verdict(self) -> Verdict:
        lookup = load_class("NUMBER_LOOKUP", NumberLookup)()
        return _ask("NUMBER_LOOKUP", self.subject.attempt, lookup.look_up)


class ChallengeControl(Controls):
    """Refuses callers that do not pass ``CHALLENGE``."""

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return settings.CHALLENGE is not None and settings.mode("challenge") != "off"

    def check(self, row: NumberRow) -> Sequence[Violation]:
        if self._is_passed:
            return []
        return [Violation(control="challenge", reason="challenge_required")]

    @cached_property
    def _is_passed(self) -> bool:
        challenge = load_class("CHALLENGE", Challenge)()
        return _ask("CHALLENGE", self.subject.attempt, challenge.passes)


def _ask(setting: str, attempt: SendAttempt, question: Callable[[SendAttempt], T]) -> T:
    """Ask a class of the site.

    :raises Unavailable: the class raised an error.
    """

    def translate(error: Exception) -> Unavailable:
        name = type(error).__name__
        extra = log_fields(
            "hook_error",
            phone_number=attempt.phone_number,
            purpose=attempt.purpose,
            control=setting.lower().removeprefix("number_"),
            error_code=name,
        )
        text = "The class of SMS_OTP[%r] failed with %s"
        logger.error(text, setting, describe_error(error), extra=extra)
        return Unavailable(f"SMS_OTP[{setting!r}] failed with {name}.")

    return translate_errors(lambda: question(attempt), translate, own=InvalidSettings)
