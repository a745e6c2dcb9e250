"""What the statuses of all kinds of limits have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...conf import get_settings
from ...limits.rates import Entry, span, used
from ...models import Limit

__all__ = ["Badge", "Fact", "LimitStatus"]


class Badge(TextChoices):
    """What the limit does to requests now. A limit that does nothing has no badge."""

    DISABLED = "disabled", gettext_lazy("disabled")
    BLOCKED = "blocked", gettext_lazy("blocked")
    LOCKED = "locked", gettext_lazy("locked")
    USED_UP = "used_up", gettext_lazy("used up")
    COOLDOWN = "cooldown", gettext_lazy("cooldown")
    REFUSED = "refused", gettext_lazy("refused")
    OPEN = "open", gettext_lazy("open")


Fact = tuple[str, str]
"""A label and a text: one line of a row's own page."""


class LimitStatus(ABC):
    """The status of one row, now."""

    def __init__(self, row: Limit) -> None:
        self.row = row
        self.settings = get_settings()
        # The limits do the same: a clock that has stepped back does not go before the row's
        # last change.
        self.now = max(timezone.now(), row.updated_at)

    @property
    @abstractmethod
    def badge(self) -> Badge | None: ...

    @abstractmethod
    def facts(self) -> Iterator[Fact]:
        """Yield the lines of the row's own page."""

    @abstractmethod
    def summary(self) -> Iterator[str]:
        """Yield the lines in the list. Read no database: a list has a hundred rows."""

    def is_enforced(self, control: str) -> bool:
        return self.settings.mode(control) == "enforce"

    def usage(self, limit: str, entries: Sequence[Entry]) -> str:
        """Describe how much of a limit is used: ``37 of 50 in 1h``."""
        texts = [
            _("%(used)d of %(most)d in %(window)s")
            % {
                "used": used(entries, rate.window, self.now.timestamp()),
                "most": rate.count,
                "window": span(rate.window),
            }
            for rate in sorted(self.settings.rates(limit), key=lambda rate: rate.window)
        ]
        if texts and not self.is_enforced(limit):
            texts.append(_("only recorded"))
        return ", ".join(texts) or _("not limited")
