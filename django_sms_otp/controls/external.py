"""The controls that ask a class of the site: a look-up of the number, a challenge.

An answer may cost money. So each control asks once a request, and only if every group before
it lets the message pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import cached_property

from ..conf import Settings
from ..db import NumberRow
from .base import Controls, Violation
from .hooks import Verdict, look_up, passes_challenge

__all__ = ["ChallengeControl", "LookupControl"]


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
        return look_up(self.subject.attempt)


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
        return passes_challenge(self.subject.attempt)
