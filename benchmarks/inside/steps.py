"""The three requests that are measured, each by a visitor who comes for the second time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..sites.base import Site, Visitor
from .browser import Asking, ask

__all__ = ["Measure", "Turns"]

Measure = Callable[[str, Asking], None]
"""Gets a step's name and its request, which it must call."""


@dataclass
class Turns:
    """Visitors who log in once, and come once more to be measured.

    No registration is measured: it happens once, and packages differ in what it is.
    """

    site: Site
    next_number: int = 0

    def strangers(self, count: int) -> Sequence[Visitor]:
        """Return visitors that the site has never seen."""
        first = self.next_number
        self.next_number += count
        visitors = [Visitor(number) for number in range(first, self.next_number)]
        self.site.prepare(visitors)
        return visitors

    def measure(self, count: int, measure: Measure) -> None:
        """Let ``count`` visitors log in, and as many others mistype the code."""
        for _ in range(count):
            right, wrong = self.strangers(2)
            self._come(right, "auth-code", measure)
            self._come(wrong, "wrong code", measure)

    def _come(self, visitor: Visitor, step: str, measure: Measure) -> None:
        self._log_in(visitor)
        asking = Asking(self.site.get_code(visitor), visitor)
        measure("get-code", asking)
        asked = asking.answer()
        code = self.site.code(visitor, asked)
        post = self.site.auth_code if step == "auth-code" else self.site.wrong_code
        guess = Asking(post(visitor, asked, code), visitor)
        measure(step, guess)
        guess.answer()

    def _log_in(self, visitor: Visitor) -> None:
        asked = ask(self.site.get_code(visitor), visitor)
        code = self.site.code(visitor, asked)
        ask(self.site.auth_code(visitor, asked, code), visitor)
