"""What became of the newest code of a number, and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...backends.words import cause_of
from ...conf import get_settings
from ...exceptions import Cause
from ...limits.failures import STRANGERS
from ...models import TEST_NUMBER, DeliveryState, OTPCode
from ...services.guesses import code_issuer
from ..formatting import format_moment
from .account import no_login
from .gathering import Story
from .obstacle import BAD, GOOD, INFO, LATELY, Obstacle
from .words import advice_on, control_words, failure_words, purpose_name

__all__ = ["code_obstacles"]


def code_obstacles(story: Story) -> Iterator[Obstacle]:
    """Yield why the newest code of each purpose did not do what the person wants."""
    codes = _codes_in_question(story)
    for code in codes:
        for told in _about(story, code):
            text = told.text
            if len(codes) > 1:
                values = {"purpose": purpose_name(code.purpose), "text": text}
                text = _("Code %(purpose)s: %(text)s") % values
            yield replace(told, text=text)


def _codes_in_question(story: Story) -> list[OTPCode]:
    """Return the newest code, and those of other purposes that have come to nothing lately.

    The code that the story was found by comes first, then what has come to nothing.
    """
    found_by, newest = story.found_by, story.newest
    by_purpose: dict[str, OTPCode] = {}
    if found_by is not None and get_settings().REQUIRE_REQUEST_ID:
        by_purpose[found_by.purpose] = found_by  # No newer request ends it.
    for code in story.codes:
        by_purpose.setdefault(code.purpose, code)
    named = found_by.purpose if found_by else ""
    codes = [
        code
        for code in by_purpose.values()
        if code.purpose == named or code == newest or _came_to_nothing(story, code)
    ]
    codes.sort(key=lambda code: code.created_at, reverse=True)
    codes.sort(key=lambda code: (code.purpose != named, _went_well(code)))
    return codes


def _came_to_nothing(story: Story, code: OTPCode) -> bool:
    """Tell whether the person may still ask about a code that did not do what they wanted."""
    if _went_well(code) or story.newest is None:
        return False
    return code.is_live(story.now) or story.newest.created_at - code.created_at < LATELY


def _went_well(code: OTPCode) -> bool:
    return code.redeemed_at is not None and not no_login(code)


def _about(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    if code.redeemed_at is not None:
        yield _redeemed(code, _moment(code.redeemed_at, story))
        return
    if code.is_test:
        text = _("This is a test number: no message goes to it.")
        yield Obstacle(text, advice_on(TEST_NUMBER), INFO)
        return
    found = [*_message(story, code), *_guesses(story, code), *_end(story, code)]
    # What stops the code comes before what is good to know.
    yield from sorted(found, key=lambda each: each.tone != BAD)


def _redeemed(code: OTPCode, at: str) -> Obstacle:
    text = _("At %(time)s the newest code was typed, and it was right.") % {"time": at}
    if why := no_login(code):
        return Obstacle(f"{text} {why}", "", BAD)
    return Obstacle(text, "", GOOD)


def _message(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    match code.delivery_state:
        case DeliveryState.WITHHELD:
            text = _("The last message was withheld: %(reason)s.")
            words = control_words(code.withheld_by)
            yield Obstacle(text % {"reason": words}, advice_on(code.withheld_by))
        case DeliveryState.FAILED | DeliveryState.UNDELIVERED:
            yield _failure(story, code)
        case DeliveryState.PENDING:
            text = _("Since %(time)s the last message has waited for a worker.")
            advice = _("Ask the people who run the site whether its workers run.")
            at = _moment(code.counted_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, advice)
        case DeliveryState.UNKNOWN:
            text = _("The gateway gave no answer about the last message. It may still arrive.")
            yield Obstacle(text, _again(story, code))
        case DeliveryState.SENT if code.is_live(story.now):
            text = _("At %(time)s the gateway took the last message. No receipt has come.")
            advice = _("Look for it among blocked senders and spam on the phone.")
            at = _moment(code.sent_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, f"{advice} {_again(story, code)}", INFO)
        case DeliveryState.DELIVERED:
            text = _("At %(time)s the last message arrived on the phone.")
            at = _moment(code.delivered_at or code.created_at, story)
            yield Obstacle(text % {"time": at}, "", INFO)


def _failure(story: Story, code: OTPCode) -> Obstacle:
    text = _("The last message did not leave.")
    if code.delivery_state == DeliveryState.UNDELIVERED:
        text = _("The last message did not arrive.")
    reason = failure_words(code.backend, code.delivery_error)
    return Obstacle(f"{text} {reason}", _advice_on_failure(story, code))


def _advice_on_failure(story: Story, code: OTPCode) -> str:
    match cause_of(code.backend, code.delivery_error):
        case Cause.ACCOUNT | Cause.MESSAGE:
            return _("Tell the people who run the site: this is not the person's fault.")
        case Cause.NUMBER:
            other = _(
                "Once that is solved, the person can ask again. Until then, they need another "
                "number."
            )
            return f"{other} {_other_channels(story, code)}".strip()
    return _again(story, code)


def _again(story: Story, code: OTPCode) -> str:
    if not code.is_live(story.now):
        return _("The person can ask for a new code.")
    again = _("The person can ask again, or you can send this code once more.")
    return f"{again} {_other_channels(story, code)}".strip()


def _other_channels(story: Story, code: OTPCode) -> str:
    """A code that has ended is sent by none."""
    others = [channel for channel in get_settings().CHANNELS if channel != code.channel]
    if not others or not code.is_live(story.now):
        return ""
    return _("You can also send the code by another channel.")


def _guesses(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    if not code.failed_attempts:
        return
    text = ngettext(
        "%(count)d wrong code was typed.",
        "%(count)d wrong codes were typed.",
        code.failed_attempts,
    )
    is_spent = _is_spent(story, code)
    advice = _(
        "The person has to type the code of the newest message, on the page where they asked "
        "for it."
    )
    if is_spent:
        advice = _("The person has to ask for a new one.")
    tone = BAD if is_spent else INFO
    yield Obstacle(text % {"count": code.failed_attempts}, advice, tone)


def _is_spent(story: Story, code: OTPCode) -> bool:
    """Tell whether who asked for a code may have no guess left. Strangers spend their own."""
    settings = get_settings()
    purpose = settings.purposes.get(code.purpose)
    most = purpose.max_attempts if purpose else settings.MAX_ATTEMPTS
    of_strangers = story.state.guesses.at_code(code.short_id, STRANGERS)
    issuer = code_issuer(code)
    if issuer and issuer.most_guesses and code.failed_attempts >= issuer.most_guesses:
        return True
    return code.failed_attempts - of_strangers >= most


def _end(story: Story, code: OTPCode) -> Iterator[Obstacle]:
    if code.superseded_at is not None:
        text = _("The newest code was ended at %(time)s, and nobody had used it.")
        at = _moment(code.superseded_at, story)
    elif code.expires_at <= story.now:
        text = _("The newest code expired at %(time)s, and nobody had used it.")
        at = _moment(code.expires_at, story)
    else:
        return
    yield Obstacle(text % {"time": at}, _("The person has to ask for a new one."), INFO)


def _moment(at: datetime, story: Story) -> str:
    return format_moment(at, story.now)
