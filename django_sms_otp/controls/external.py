"""What others say: a look-up of the number, a challenge to the caller."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.functional import cached_property

from ..conf import Settings
from ..db.rounds import NumberRow
from .base import Controls, Finding
from .hooks import Verdict, look_up, passes_challenge

__all__ = ["Hooks"]


class Hooks(Controls):
    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        return bool(settings.NUMBER_LOOKUP or settings.CHALLENGE)

    def findings(self, row: NumberRow) -> Iterator[Finding]:
        if self._is_on("NUMBER_LOOKUP", "lookup"):
            if self._verdict is Verdict.NOT_SMS_CAPABLE:
                yield Finding(control="lookup", reason="phone_number_not_sms_capable")
            elif self._verdict is Verdict.FRAUD:
                yield Finding(control="lookup", reason="quota_exceeded", is_soft=True)
        if self._is_on("CHALLENGE", "challenge") and not self._is_passed:
            yield Finding(control="challenge", reason="challenge_required")

    def _is_on(self, setting: str, control: str) -> bool:
        is_named = getattr(self.settings, setting) is not None
        return is_named and self.settings.mode(control) != "off"

    @cached_property
    def _verdict(self) -> Verdict:
        return look_up(self.subject.attempt)

    @cached_property
    def _is_passed(self) -> bool:
        return passes_challenge(self.subject.attempt)
