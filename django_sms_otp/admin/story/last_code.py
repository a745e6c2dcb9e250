"""What became of the newest code of a number, and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...backends.words import cause_of
from ...conf import get_settings
from ...exceptions import Cause
from ...models import TEST_NUMBER, DeliveryState, OTPCode
from ..formatting import format_moment
from .gathering import Story
from .obstacle import GOOD, INFO, Obstacle
from .words import advice_on, control_words, failure_words

__all__ = ["code_obstacles"]


def code_obstacles(story: Story) -> Iterator[Obstacle]:
    """Yield why the newest code did not log the person in."""
    code = story.newest
    if code is None:
        return
    if code.redeemed_at is not None:
        text = _("At %(time)s the newest code was typed, and it was right.")
        yield Obstacle(text % {"time": _moment(code.redeemed_at, story)}, "", GOOD)
        return
    if code.is_test:
        text = _("This is a test number: no message goes to it.")
        yield Obstacle(text, advice_on(TEST_NUMBER), INFO)
        return
    yield from _message(story, code)
    yield from _guesses(story, code)
    yield from _end(story, code)


def _message(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    match code.delivery_state:
        case DeliveryState.WITHHELD:
            text = _("The last message was withheld: %(reason)s.")
            words = control_words(code.withheld_by)
            yield Obstacle(text % {"reason": words}, advice_on(code.withheld_by))
        case DeliveryState.FAILED | DeliveryState.UNDELIVERED:
            yield _failure(code)
        case DeliveryState.PENDING:
            text = _("Since %(time)s the last message has waited for a worker.")
            advice = _("Ask the people who run the site whether its workers run.")
            at = _moment(code.counted_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, advice)
        case DeliveryState.UNKNOWN:
            text = _("The gateway gave no answer about the last message. It may still arrive.")
            yield Obstacle(text, _again(code))
        case DeliveryState.SENT if code.is_live(story.now):
            text = _("At %(time)s the gateway took the last message. No receipt has come.")
            advice = _("Look for it among blocked senders and spam on the phone.")
            at = _moment(code.sent_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, f"{advice} {_again(code)}", INFO)
        case DeliveryState.DELIVERED:
            text = _("At %(time)s the last message arrived on the phone.")
            at = _moment(code.delivered_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, "", INFO)


def _failure(code: OTPCode) -> Obstacle:
    alias = code.undelivered_by or code.backend
    words = failure_words(alias, code.delivery_error)
    text = _("The last message did not leave: %(reason)s")
    if code.delivery_state == DeliveryState.UNDELIVERED:
        text = _("The last message did not arrive: %(reason)s")
    reason = words or _("the gateway gives no reason.")
    return Obstacle(text % {"reason": reason}, _advice_on_failure(code, alias))


def _advice_on_failure(code: OTPCode, alias: str) -> str:
    match cause_of(alias, code.delivery_error):
        case Cause.ACCOUNT | Cause.MESSAGE:
            return _("Tell the people who run the site: this is not the person's fault.")
        case Cause.NUMBER:
            other = _(
                "Once that is solved, the person can ask again. Until then, they need another "
                "number."
            )
            return f"{other} {_other_channels(code)}".strip()
    return _again(code)


def _again(code: OTPCode) -> str:
    again = _("The person may ask again.")
    return f"{again} {_other_channels(code)}".strip()


def _other_channels(code: OTPCode) -> str:
    others = [channel for channel in get_settings().CHANNELS if channel != code.channel]
    return _("Or send the code by another channel.") if others else ""


def _guesses(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    if not code.failed_attempts:
        return
    text = ngettext(
        "%(count)d wrong code was typed.",
        "%(count)d wrong codes were typed.",
        code.failed_attempts,
    )
    most = get_settings().MAX_ATTEMPTS
    advice = _("Each request has a code of its own, and only the newest one is right.")
    tone = INFO if code.failed_attempts < most else "bad"
    yield Obstacle(text % {"count": code.failed_attempts}, advice, tone)


def _end(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    if code.superseded_at is not None:
        text = _("The newest code was ended at %(time)s, before anybody had typed it.")
        at = _moment(code.superseded_at, story)
    elif code.expires_at <= story.now:
        text = _("The newest code expired at %(time)s, before anybody had typed it.")
        at = _moment(code.expires_at, story)
    else:
        return
    yield Obstacle(text % {"time": at}, _("The person has to ask for a new one."), INFO)


def _moment(at: datetime, story: Story) -> str:
    return format_moment(at, story.now)
