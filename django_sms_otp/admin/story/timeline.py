"""All events of a story in order, by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from ..accounts import name_of
from .code_events import code_events
from .events import Event
from .gathering import Story
from .number_events import number_events

__all__ = ["Day", "Timeline", "timeline_of"]

MOST_EVENTS = 200


@dataclass(frozen=True, kw_only=True)
class Day:
    """The events of a day of the site's time zone, the newest first."""

    day: date
    events: Sequence[Event]

    @property
    def title(self) -> str:
        return date_format(self.day, "DATE_FORMAT")


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """:param is_cut: whether older events are left out."""

    days: Sequence[Day]
    is_cut: bool


def timeline_of(story: Story, *, names_users: bool) -> Timeline:
    """:param names_users: whether the reader may see users, and so their names."""
    # Of two events of one moment, such as a request and its message, the later one comes first.
    events = sorted(_events(story, names_users=names_users), key=_by_time)[::-1]
    days = [
        Day(day=day, events=[*found]) for day, found in groupby(events[:MOST_EVENTS], _day_of)
    ]
    return Timeline(days=days, is_cut=story.is_cut or len(events) > MOST_EVENTS)


def _events(story: Story, *, names_users: bool) -> Iterator[Event]:
    def name(user_id: Any) -> str:
        known = story.user is not None and story.user.pk == user_id
        return name_of(story.user) if known and names_users else str(user_id or "")

    for code in story.codes:
        for event in code_events(story, code, name(code.user_id)):
            yield event.about(code)
    yield from number_events(story, name(story.verified.user_id if story.verified else None))


def _by_time(event: Event) -> datetime:
    return event.at


def _day_of(event: Event) -> date:
    return timezone.localtime(event.at).date()
