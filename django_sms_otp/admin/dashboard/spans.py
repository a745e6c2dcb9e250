"""The span of days that a page is about, and the form that chooses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...stats.counts import RETENTION, start_of_hour

__all__ = ["SPANS", "Span", "SpanForm"]

SPANS: Mapping[str, str | Promise] = {
    "today": gettext_lazy("Today"),
    "7d": gettext_lazy("7 days"),
    "30d": gettext_lazy("30 days"),
    "month": gettext_lazy("This month"),
}
USUAL = "7d"

MOST_DAYS = RETENTION.days
"""So long are the counts kept."""

MOST_DAYS_BY_HOUR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Whole days of the site's time zone, from the first to the last.

    Counts are of hours of UTC. In a zone that is half an hour off, a day begins with the first
    hour that begins in it.

    :param name: a key of :data:`SPANS`, or empty.
    :param now: the time at which the page is opened.
    """

    name: str = ""
    first: date
    last: date
    now: datetime

    @property
    def days(self) -> list[date]:
        length = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(length)]

    @property
    def is_by_hour(self) -> bool:
        return len(self.days) <= MOST_DAYS_BY_HOUR

    @property
    def since(self) -> datetime:
        return _midnight(self.first)

    @property
    def until(self) -> datetime:
        return _midnight(self.last + timedelta(days=1))

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The span of the same length before. Of a day that is not over, as many hours."""
        length = timedelta(days=len(self.days))
        left = self.until - start_of_hour(self.now + timedelta(minutes=30))
        end = _midnight(self.last + timedelta(days=1) - length)
        return _midnight(self.first - length), end - max(left, timedelta(0))

    def steps(self) -> list[datetime]:
        """Return the start of each hour or day."""
        if not self.is_by_hour:
            return [_midnight(day) for day in self.days]
        hours = int((self.until - self.since) / timedelta(hours=1))
        return [self.since + timedelta(hours=number) for number in range(hours)]

    def __str__(self) -> str:
        first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (self.first, self.last))
        if first == last:
            return first
        return _("%(first)s to %(last)s") % {"first": first, "last": last}

    @classmethod
    def named(cls, name: str) -> Span:
        """Return a span of :data:`SPANS`, which ends today."""
        now = timezone.now()
        today = timezone.localtime(now).date()
        first = {
            "today": today,
            "7d": today - timedelta(days=6),
            "30d": today - timedelta(days=29),
            "month": today.replace(day=1),
        }[name]
        return cls(name=name, first=first, last=today, now=now)


def _midnight(day: date) -> datetime:
    """Return the start of a day, in UTC: its hours can be added up."""
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)


class SpanForm(forms.Form):
    """Two dates, or the name of a span."""

    span = forms.ChoiceField(
        choices=list(SPANS.items()), required=False, widget=forms.HiddenInput
    )
    since = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("To"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        since, until = values.get("since"), values.get("until")
        if since and until:
            today = timezone.localdate()
            values["until"] = min(until, today)
            if since > values["until"]:
                raise forms.ValidationError(
                    _("The first day is after the last, or after today.")
                )
            if (today - since).days >= MOST_DAYS:
                text = _("Choose days of the last %(days)d: older counts are not kept.")
                raise forms.ValidationError(text % {"days": MOST_DAYS})
        return values

    def chosen(self) -> Span:
        """Return the span; the usual one if what was chosen is none."""
        values = self.cleaned_data if self.is_valid() else {}
        since, until = values.get("since"), values.get("until")
        if since and until:
            return Span(first=since, last=until, now=timezone.now())
        return Span.named(values.get("span") or USUAL)
