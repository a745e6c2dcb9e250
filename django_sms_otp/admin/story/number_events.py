"""The events of a number that are about no single code: refusals, notices, what staff did."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.admin.models import LogEntry
from django.utils.translation import gettext as _

from ...limits.refusals import Refusal
from ...limits.staff_rules import BLOCKED
from ..accounts import name_of
from ..formatting import format_end, format_time
from .account import whose_account
from .events import BAD, GOOD, PLAIN, STAFF, Event, at_time
from .gathering import Story
from .words import control_words

__all__ = ["number_events"]

END_OF_SECOND = 0.999


def number_events(story: Story, who: str) -> Iterator[Event]:
    """Yield what happened to the number itself.

    :param who: how to name the user whose number it is.
    """
    yield from (_refusal(story, each) for each in story.refusals.entries)
    for at in story.state.notices:
        title = _("A notice went to the number: the numbers of its account changed")
        yield Event(at=at_time(at), title=title)
    yield from _forgotten_messages(story)
    if story.verified is not None:
        lines = [whose_account(story, story.verified.user_id, who)]
        title = _("The number was verified")
        yield Event(at=story.verified.verified_at, title=title, tone=GOOD, lines=lines)
    if rule := story.state.rule:
        title = _rule(rule.kind, rule.until)
        yield Event(at=at_time(rule.since), title=title, tone=STAFF)
    yield from (_entry(each) for each in story.entries)


def _refusal(story: Story, refusal: Refusal) -> Event:
    words = control_words(refusal.control)
    lines = []
    if refusal.until is not None:
        until = format_end(refusal.until, story.now)
        lines.append(_("free again at %(time)s") % {"time": until})
    title = _("A request was refused: %(reason)s") % {"reason": words}
    # It is kept to the second. What it was refused for came before.
    at = at_time(refusal.at + END_OF_SECOND)
    return Event(at=at, title=title, tone=BAD, lines=lines)


def _forgotten_messages(story: Story) -> Iterator[Event]:
    """Yield messages whose codes were deleted, as by the purge."""
    known = {code.short_id for code in story.codes}
    for send in story.state.sends:
        if send.at and send.code not in known and not story.is_cut:
            title = _("A message whose code has been deleted since")
            yield Event(at=at_time(send.at), title=title, tone=PLAIN)


def _rule(kind: str, until: float | None) -> str:
    if kind == BLOCKED:
        if until is None:
            return _("Staff blocked the number")
        return _("Staff blocked the number until %(time)s") % {"time": format_time(until)}
    if until is None:
        return _("Staff allowed the number")
    return _("Staff allowed the number until %(time)s") % {"time": format_time(until)}


def _entry(entry: LogEntry) -> Event:
    who = name_of(entry.user)
    title = f"{who}: {entry.get_change_message() or entry}"
    return Event(at=entry.action_time, title=title, tone=STAFF)
