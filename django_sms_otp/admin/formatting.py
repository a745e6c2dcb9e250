"""How the admin writes times, regions and states."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from .. import phone

__all__ = [
    "badge",
    "format_end",
    "format_moment",
    "format_region",
    "format_time",
    "format_time_briefly",
    "stacked",
]

MINUTE = 60


def format_time(at: datetime | float) -> str:
    """Write a time as Django's own pages do; a number means seconds since the epoch."""
    return date_format(_local(at), "DATETIME_FORMAT")


def format_moment(at: datetime | float, now: datetime) -> str:
    """Write a time of today without its date."""
    is_today = _local(at).date() == _local(now).date()
    return date_format(_local(at), "TIME_FORMAT" if is_today else "SHORT_DATETIME_FORMAT")


def format_end(at: datetime | float, now: datetime) -> str:
    """Write the end of a wait, to the next full minute: who is back then is not too early."""
    seconds = at.timestamp() if isinstance(at, datetime) else at
    return format_moment(ceil(seconds / MINUTE) * MINUTE, now)


def format_time_briefly(moment: datetime) -> str:
    """Write a time for a narrow column: in figures, to the minute."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def _local(at: datetime | float) -> datetime:
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return timezone.localtime(moment)


def format_region(region: str) -> str:
    """Return the region's code, or a name for the region that belongs to no country."""
    return _("satellite and global networks") if region == phone.SATELLITE_REGION else region


def badge(value: str, label: str | Promise) -> str:
    """Return a coloured label; ``admin.css`` has a colour for each value."""
    return format_html('<span class="sms-otp-badge sms-otp-badge-{}">{}</span>', value, label)


def stacked(first: str, *others: str) -> str:
    """Write several facts into one cell, the first one above the others."""
    lines = [format_html('<span class="quiet">{}</span>', other) for other in others if other]
    return format_html_join(
        mark_safe("<br>"), "{}", ((line,) for line in (first, *lines) if line)
    )
