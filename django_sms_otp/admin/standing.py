"""A limits row in plain words: what it remembers, held against the present settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import get_settings
from ..limits.rates import Entry, Rate, span, used
from ..models import Limit

__all__ = ["Badge", "Fact", "Kind", "Standing", "in_words"]


class Kind(TextChoices):
    """What a limits row is of."""

    NUMBER = "number", gettext_lazy("phone number")
    IP = "ip", gettext_lazy("IP address")
    PREFIX = "prefix", gettext_lazy("prefix")
    COUNTRY = "country", gettext_lazy("country")
    SITE = "site", gettext_lazy("site")
    CIRCUIT = "circuit", gettext_lazy("circuit of a backend")

    @classmethod
    def of(cls, row: Limit) -> Kind:
        return cls.NUMBER if row.is_number else cls(row.key.partition(":")[0])


class Badge(TextChoices):
    """What people meet who run into the limit. A circuit is open or has none."""

    DISABLED = "disabled", gettext_lazy("disabled")
    BLOCKED = "blocked", gettext_lazy("blocked")
    LOCKED = "locked", gettext_lazy("locked")
    USED_UP = "used_up", gettext_lazy("used up")
    OPEN = "open", gettext_lazy("open")


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a row's page."""

    label: str
    text: str


class Standing:
    """How things stand with a row now."""

    def __init__(self, row: Limit) -> None:
        self.row = row
        self.settings = get_settings()
        # As the limits do it: never before the row's last change.
        self.now = max(timezone.now(), row.updated_at)

    @property
    def badge(self) -> Badge | None:
        raise NotImplementedError

    def facts(self) -> Iterator[Fact]:
        """Yield what the row's page says."""
        raise NotImplementedError

    def summary(self) -> Iterator[str]:
        """Yield what the list says. Asks the database nothing: a list has a hundred rows."""
        raise NotImplementedError

    def is_enforced(self, control: str) -> bool:
        return self.settings.mode(control) == "enforce"

    def usage(
        self, control: str, rates: Iterable[Rate], counted: Mapping[int, Iterable[Entry]]
    ) -> str:
        """Say how much of its rates a limit has used: "37 of 50 in 1h".

        :param counted: uses, by the window that they are kept for.
        """
        most = {rate.window: rate.count for rate in rates}
        texts = [self._used(counted, window, most) for window in sorted(most or counted)]
        if not most:
            texts.append(_("not limited"))
        elif not self.is_enforced(control):
            texts.append(_("only recorded"))
        return ", ".join(texts)

    def _used(
        self, counted: Mapping[int, Iterable[Entry]], window: int, most: Mapping[int, int]
    ) -> str:
        text = _("%(used)d of %(most)d in %(window)s") if most else _("%(used)d in %(window)s")
        return text % {
            "used": used(counted.get(window, ()), window, self.now.timestamp()),
            "most": most.get(window),
            "window": span(window),
        }


def in_words(at: datetime | float) -> str:
    """Write a time as the rest of the admin does; a number is seconds since the epoch."""
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
