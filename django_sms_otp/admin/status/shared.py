"""The status of a limit that many numbers share: an address, a prefix, a country, the site."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from ...controls.pumping import country_is_over
from ...controls.quotas import control_of
from ...limits.shared import DAY, HOUR, Cohort, SharedCounters
from ...models import Limit, LimitKind
from ...stats.rollup import busiest_day
from ..formatting import format_time
from .base import Badge, Fact, LimitStatus

__all__ = ["SharedStatus"]


class SharedStatus(LimitStatus):
    def __init__(self, row: Limit) -> None:
        super().__init__(row)
        self.control = control_of(row.key)
        self.counters = SharedCounters.from_json(row.state, uses=row.uses)
        # The row still holds the uses from before the site moved its limits to a cache.
        self.is_counted_in_cache = self.settings.LIMITS_CACHE is not None

    @property
    def badge(self) -> Badge | None:
        if self._is_blocked() and self.is_enforced("breaker"):
            return Badge.BLOCKED
        if self.is_counted_in_cache or not self.is_enforced(self.control):
            return None
        rates = self.settings.rates(self.control)
        is_full = self.counters.free_at(rates, self.now.timestamp()) is not None
        return Badge.USED_UP if is_full else None

    def summary(self) -> Iterator[str]:
        yield self._usage()
        last_hour = self._last(HOUR)
        if last_hour.sent:
            yield _redeemed_share(last_hour)
        if block := self._block():
            yield block

    def facts(self) -> Iterator[Fact]:
        is_of_guesses = self.row.kind == LimitKind.FAILURES_IP
        yield _("Failed attempts") if is_of_guesses else _("Messages"), self._usage()
        if self.counters.cohorts:
            yield from self._unverified_numbers()
        if regions := self.counters.strange_regions(self.now.timestamp()):
            yield _("Countries where nothing was redeemed"), ", ".join(sorted(regions))
        if block := self._block():
            yield _("Conversion breaker"), block

    def _unverified_numbers(self) -> Iterator[Fact]:
        yield _("Unverified numbers, last hour"), _redeemed_share(self._last(HOUR))
        yield _("Unverified numbers, last day"), _redeemed_share(self._last(DAY))
        if self.row.kind == LimitKind.COUNTRY and self.settings.budget:
            text = _("used up") if self._is_over_budget() else _("not used up")
            yield _("Budget of unverified numbers"), text

    def _usage(self) -> str:
        if self.is_counted_in_cache:
            return _("counted in the cache")
        return self.usage(self.control, self.counters.entries)

    def _is_over_budget(self) -> bool:
        budget, region = self.settings.budget, self.row.subject
        return budget is not None and country_is_over(
            budget, self.counters, self.now.timestamp(), busiest_day=busiest_day(region)
        )

    def _last(self, seconds: int) -> Cohort:
        return self.counters.last(seconds, self.now.timestamp())

    def _is_blocked(self) -> bool:
        # The gateway may block a prefix, even if the site has no breaker.
        is_on = self.settings.breaker is not None or self.row.kind == LimitKind.PREFIX
        if self.settings.mode("breaker") == "off":
            return False
        return is_on and self.counters.blocked_until > self.now.timestamp()

    def _block(self) -> str:
        if not self._is_blocked():
            return ""
        time = format_time(self.counters.blocked_until)
        text = _("blocked until %(time)s") % {"time": time}
        return text if self.is_enforced("breaker") else f"{text}, {_('only recorded')}"


def _redeemed_share(cohort: Cohort) -> str:
    if not cohort.sent:
        return _("no messages")
    return _("%(redeemed)d of %(sent)d redeemed (%(share)s)") % {
        "redeemed": cohort.redeemed,
        "sent": cohort.sent,
        "share": f"{cohort.conversion:.0%}",
    }
