"""How things stand with what many numbers share: an address, a prefix, a country, the site."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from ..controls.pumping import country_is_over
from ..limits.shared import DAY, HOUR, Cohort, SharedCounters
from ..models import Limit
from ..stats.rollup import busiest_day
from .standing import Badge, Fact, Kind, Standing, in_words

__all__ = ["SharedStanding"]


class SharedStanding(Standing):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.control = Kind.of(row).value
        self.state = SharedCounters.from_json(row.state, uses=row.uses)
        # What a row counted before the site moved its counts to a cache means nothing.
        is_elsewhere = self.settings.LIMITS_CACHE is not None
        self.rates = () if is_elsewhere else self.settings.rates(self.control)

    @property
    def badge(self) -> Badge | None:
        if self._is_blocked() and self.is_enforced("breaker"):
            return Badge.BLOCKED
        is_full = self.state.free_at(self.rates, self.now.timestamp()) is not None
        return Badge.USED_UP if is_full and self.is_enforced(self.control) else None

    def summary(self) -> Iterator[str]:
        yield self._usage()
        hour = self._last(HOUR)
        if hour.sent:
            yield _redeemed(hour)
        if block := self._block():
            yield block

    def facts(self) -> Iterator[Fact]:
        yield Fact(_("Messages"), self._usage())
        if self.state.cohorts:
            yield from self._of_unverified_numbers()
        if regions := self.state.strange_regions(self.now.timestamp()):
            yield Fact(_("Countries where nothing was redeemed"), ", ".join(sorted(regions)))
        if block := self._block():
            yield Fact(_("Conversion breaker"), block)

    def _of_unverified_numbers(self) -> Iterator[Fact]:
        hour, day = self._last(HOUR), self._last(DAY)
        yield Fact(_("Unverified numbers, last hour"), _redeemed(hour))
        yield Fact(_("Unverified numbers, last day"), _redeemed(day))
        if self.control == Kind.COUNTRY and self.settings.budget:
            text = _("used up") if self._is_over_budget() else _("not used up")
            yield Fact(_("Budget of unverified numbers"), text)

    def _usage(self) -> str:
        if self.settings.LIMITS_CACHE is not None:
            return _("counted in the cache")
        return self.usage(self.control, self.rates, self.state.uses)

    def _is_over_budget(self) -> bool:
        budget, region = self.settings.budget, self.row.key.partition(":")[2]
        now = self.now.timestamp()
        return budget is not None and country_is_over(
            budget, self.state, now, busiest_day=busiest_day(region)
        )

    def _last(self, seconds: int) -> Cohort:
        return self.state.last(seconds, self.now.timestamp())

    def _is_blocked(self) -> bool:
        # A gateway's word blocks a prefix where there is no breaker, too.
        is_on = self.settings.breaker is not None or self.control == Kind.PREFIX
        if self.settings.mode("breaker") == "off":
            return False
        return is_on and self.state.blocked_until > self.now.timestamp()

    def _block(self) -> str:
        if not self._is_blocked():
            return ""
        text = _("blocked until %(time)s") % {"time": in_words(self.state.blocked_until)}
        return text if self.is_enforced("breaker") else f"{text}, {_('only recorded')}"


def _redeemed(cohort: Cohort) -> str:
    if not cohort.sent:
        return _("no messages")
    return _("%(redeemed)d of %(sent)d redeemed (%(share)s)") % {
        "redeemed": cohort.redeemed,
        "sent": cohort.sent,
        "share": f"{cohort.conversion:.0%}",
    }
