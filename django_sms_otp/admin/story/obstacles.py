"""Why a person got no code, and what stands in the way of the next one, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...limits.failures import Claimant
from ...limits.refusals import Refusal
from ...limits.staff_rules import ALLOWED, BLOCKED
from ...models import Limit
from ..formatting import format_end, format_moment, format_time
from ..search import refusal_by_settings
from ..status import status_of
from ..status.base import Badge
from .account import account_obstacles
from .gathering import Story
from .last_code import code_obstacles
from .obstacle import BAD, GOOD, INFO, LATELY, Obstacle
from .words import advice_on, control_words

__all__ = ["decisions", "obstacles_of"]


def obstacles_of(story: Story) -> list[Obstacle]:
    """Return what stands in the way. The first one answers why no code came."""
    lasting = [*_blocked(story), *_settings(story), *_lockouts(story)]
    refused, delivered = [*_refused(story)], [*code_obstacles(story)]
    # Whichever happened last is what the person asks about.
    recent = [*refused, *delivered] if _was_refused_last(story) else [*delivered, *refused]
    account = [*account_obstacles(story)]
    found = [*lasting, *recent, *account, *_shared(story), *_allowed(story)]
    if any(each.tone == BAD for each in account):
        # What went well is no answer to who cannot log in.
        found.sort(key=lambda each: each.tone == GOOD)
    found += _strangers_locked_out(story)
    if all(each.tone in {GOOD, INFO} for each in found):
        found.append(_nothing(story))
    return found


def decisions(story: Story) -> Iterator[Obstacle]:
    """Yield what staff have decided about the number."""
    yield from _blocked(story)
    yield from _allowed(story)


def _nothing(story: Story) -> Obstacle:
    if story.newest is None:
        text = _("No request for this number is kept.")
        return Obstacle(text, _("Nothing stands in the way of a code."), INFO)
    return Obstacle(_("Nothing stands in the way of the next code."), "", INFO)


def _blocked(story: Story) -> Iterator[Obstacle]:
    rule = story.state.rule
    if rule is None or not story.state.has_rule(BLOCKED, story.now):
        return
    text = _("Staff have blocked this number: it gets no code.")
    if rule.until is not None:
        until = format_time(rule.until)
        text = _("Staff have blocked this number until %(time)s: it gets no code.") % {
            "time": until
        }
    yield Obstacle(text, advice_on("blocked"))


def _allowed(story: Story) -> Iterator[Obstacle]:
    rule = story.state.rule
    if rule is None or not story.state.has_rule(ALLOWED, story.now):
        return
    text = _("Staff have allowed this number: the fraud controls let it pass.")
    if rule.until is not None:
        until = format_time(rule.until)
        text = _(
            "Until %(time)s the fraud controls let this number pass, as staff decided."
        ) % {"time": until}
    yield Obstacle(text, "", INFO)


def _settings(story: Story) -> Iterator[Obstacle]:
    if text := refusal_by_settings(story.number.e164):
        yield Obstacle(text, _("The person needs another number."))


def _lockouts(story: Story) -> Iterator[Obstacle]:
    status = story.status
    if not status.is_enforced("failures"):
        return
    count = story.state.guesses.consecutive
    guesses = ngettext(
        "%(count)d wrong code in a row", "%(count)d wrong codes in a row", count
    ) % {"count": count}
    if status.badge == Badge.DISABLED:
        text = _("The number is disabled: %(guesses)s.") % {"guesses": guesses}
        advice = _(
            "Make sure who is asking. Then lift the lockout, or let the person verify the "
            "number anew in their account."
        )
        yield Obstacle(text, advice)
    elif lock := status.lock_of_anybody_else:
        until = lock.until and format_end(lock.until, story.now)
        text = _("No code is checked: %(guesses)s.")
        if until and _is_of_one_asker(story):
            text = _(
                "Several have asked for the code. One of them has typed wrong codes: until "
                "%(time)s theirs are not checked."
            )
        elif until:
            text = _("Until %(time)s no code is checked: %(guesses)s.")
        yield Obstacle(text % {"guesses": guesses, "time": until}, advice_on("failures"))


def _is_of_one_asker(story: Story) -> bool:
    """Tell whether others who have asked for a live code are not locked out."""
    live = [code for code in story.codes if code.is_live(story.now)]
    askers = [each for code in live for each in story.state.askers(code.short_id)]
    locked = {each.group for each in askers if _is_locked_out(story, each)}
    return bool({each.group for each in askers} - locked) and bool(locked)


def _is_locked_out(story: Story, asker: Claimant) -> bool:
    """An asker who brings the id of their code guesses in another group."""
    groups = filter(None, (asker.group, asker.shares_with))
    return any(story.status.lock_of(replace(asker, group=group)) for group in groups)


def _strangers_locked_out(story: Story) -> Iterator[Obstacle]:
    """Whoever asked for a code is no stranger. To lift this would help strangers alone."""
    status = story.status
    lock = status.lock_of_strangers
    if lock is None or status.lock_of_anybody_else or not status.is_enforced("failures"):
        return
    text = _(
        "No code that strangers type is checked until the person logs in. Whoever asked for a "
        "code can type it."
    )
    if lock.until:
        text = _(
            "Until %(time)s no code that strangers type is checked. Whoever asked for a code "
            "can type it."
        ) % {"time": format_end(lock.until, story.now)}
    yield Obstacle(text, "", INFO)


def _refused(story: Story) -> Iterator[Obstacle]:
    """Yield the refusals that hold still, the newest first, each control once."""
    told: set[str] = {"blocked", "failures"}  # Told of above.
    for refusal in reversed(story.refusals.entries):
        if refusal.control not in told and _holds(story, refusal):
            told.add(refusal.control)
            text = _("A request was refused at %(time)s: %(reason)s") % {
                "time": format_moment(refusal.at, story.now),
                "reason": control_words(refusal.control),
            }
            if refusal.until:
                until = format_end(refusal.until, story.now)
                text += "; " + _("free again at %(time)s") % {"time": until}
            yield Obstacle(text, advice_on(refusal.control))
    if "phone" not in told and (free_at := story.status.messages.number_free_at):
        text = _("No message goes to this number before %(time)s: %(reason)s.") % {
            "time": format_end(free_at, story.now),
            "reason": control_words("phone"),
        }
        yield Obstacle(text, advice_on("phone"))


def _holds(story: Story, refusal: Refusal) -> bool:
    if refusal.until is not None:
        return refusal.until > story.now.timestamp()
    age = story.now.timestamp() - refusal.at
    return age < LATELY.total_seconds() and not _has_code_since(story, refusal)


def _was_refused_last(story: Story) -> bool:
    last = story.refusals.last
    return last is not None and not _has_code_since(story, last)


def _has_code_since(story: Story, refusal: Refusal) -> bool:
    newest = story.newest
    if newest is None:
        return False
    return bool((newest.counted_at or newest.created_at).timestamp() > refusal.at + 1)


def _shared(story: Story) -> Iterator[Obstacle]:
    """Yield what stops many numbers, and so perhaps this one."""
    for row in story.shared:
        status = status_of(row)
        if status.badge is not None:
            text = _("%(limit)s: %(state)s (%(counted)s).") % {
                "limit": row,
                "state": status.badge.label,
                "counted": ", ".join(status.summary()),
            }
            yield Obstacle(text, _advice_on_row(row))


def _advice_on_row(row: Limit) -> str:
    if row.kind == "circuit":
        return _("Other backends send in its place, if there are any. It is tried again soon.")
    return advice_on(row.kind)
