"""The events of one code: the request, its messages, guesses at it, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...limits.journal import EarlierMessage, WrongGuess
from ...limits.journal import Event as Noted
from ...models import TEST_NUMBER, DeliveryState, OTPCode
from ..formatting import format_time
from .account import no_login, whose_account
from .events import BAD, GOOD, PLAIN, WAITING, Event, at_time
from .gathering import Story
from .words import (
    channel_name,
    control_words,
    failure_words,
    fate,
    guesser,
    purpose_name,
)

__all__ = ["code_events"]

TONES = {
    DeliveryState.PENDING: WAITING,
    DeliveryState.UNKNOWN: WAITING,
    DeliveryState.SENT: PLAIN,
    DeliveryState.DELIVERED: GOOD,
    DeliveryState.UNDELIVERED: BAD,
    DeliveryState.FAILED: BAD,
    DeliveryState.WITHHELD: BAD,
}

ENDED_BADLY = (DeliveryState.FAILED, DeliveryState.UNDELIVERED, DeliveryState.UNKNOWN)

MOMENT = timedelta(seconds=1)


def code_events(story: Story, code: OTPCode, who: str) -> Iterator[Event]:
    """Yield the events of a code.

    :param who: how to name the user that it logged in; empty if nobody.
    """
    noted = [each for each in story.state.journal.events() if each.code == code.short_id]
    yield _request(code)
    yield from (_earlier(each) for each in noted if isinstance(each, EarlierMessage))
    yield _message(code)
    if code.delivered_at is not None:
        title = _("The message arrived on the phone")
        yield Event(at=code.delivered_at, title=title, tone=GOOD)
    yield from (_guess(each) for each in noted if isinstance(each, WrongGuess))
    yield from _end(story, code, who, noted)


def _request(code: OTPCode) -> Event:
    title = _("Asked for a code %(purpose)s") % {"purpose": purpose_name(code.purpose)}
    lines = [_("valid until %(time)s") % {"time": format_time(code.expires_at)}]
    if code.exempt:
        lines.append(_("The fraud controls let it pass: the number opens an account."))
    if code.recorded:
        text = _("Controls that only record would have refused the message: %(controls)s.")
        lines.append(text % {"controls": code.recorded.replace(",", ", ")})
    return Event(at=code.created_at, title=title, lines=lines, anchor=f"code-{code.short_id}")


def _earlier(noted: EarlierMessage) -> Event:
    return Event(
        at=at_time(noted.at),
        title=_title(noted.channel, noted.backend),
        tone=TONES[DeliveryState(noted.state)],
        lines=_fate(noted.state, noted.backend, noted.error, noted.withheld_by),
    )


def _message(code: OTPCode) -> Event:
    """Return the newest message. Receipts that it did not arrive have no time of their own."""
    lines = _fate(code.delivery_state, code.backend, code.delivery_error, code.withheld_by)
    if code.undelivered_by and code.undelivered_by != code.backend:
        text = _("%(first)s did not deliver an earlier message, so %(second)s had this one.")
        lines.append(text % {"first": code.undelivered_by, "second": code.backend})
    return Event(
        at=code.claimed_at or code.counted_at or code.created_at,
        title=_title(code.channel, code.backend),
        tone=TONES[DeliveryState(code.delivery_state)],
        lines=lines,
    )


def _title(channel: str, backend: str) -> str:
    values = {"channel": channel_name(channel), "backend": backend}
    return capfirst(_("%(channel)s through “%(backend)s”") % values)


def _fate(state: str, alias: str, error: str, withheld_by: str) -> list[str]:
    if withheld_by == TEST_NUMBER:
        return [_("No message goes to a test number. Its code is in the settings.")]
    lines = [fate(state)]
    if state == DeliveryState.WITHHELD:
        lines.append(_("Why: %(reason)s.") % {"reason": control_words(withheld_by)})
    if error and state in ENDED_BADLY:
        lines.append(failure_words(alias, error))
    return lines


def _guess(noted: WrongGuess) -> Event:
    title = _("A wrong code was typed")
    return Event(at=at_time(noted.at), title=title, tone=BAD, lines=[guesser(noted.whose)])


def _end(story: Story, code: OTPCode, who: str, noted: list[Noted]) -> Iterator[Event]:
    if code.redeemed_at is not None:
        title = _("The right code was typed")
        tone = BAD if no_login(code) else GOOD
        lines = _opened(story, code, who)
        yield Event(at=code.redeemed_at, title=title, tone=tone, lines=lines)
    elif code.superseded_at is not None:
        yield Event(at=code.superseded_at, title=_supersession(story, code))
    elif code.expires_at <= story.now:
        title = _("The code expired, and nobody had used it")
        yield Event(at=code.expires_at, title=title, tone=WAITING, lines=_untold(code, noted))


def _opened(story: Story, code: OTPCode, who: str) -> list[str]:
    if code.user_id is None:
        return [*filter(None, [no_login(code)])]
    return [whose_account(story, code.user_id, who)]


def _supersession(story: Story, code: OTPCode) -> str:
    """A newer code is written in the transaction that ends the older one."""
    at = code.superseded_at or story.now
    if any(abs(other.created_at - at) < MOMENT for other in story.codes if other != code):
        return _("The code ended: a newer one took its place")
    return _("The code was ended before its time")


def _untold(code: OTPCode, noted: list[Noted]) -> list[str]:
    """Tell of wrong guesses that the journal has forgotten."""
    count = code.failed_attempts - sum(isinstance(each, WrongGuess) for each in noted)
    if count <= 0:
        return []
    text = ngettext("%(count)d more wrong code.", "%(count)d more wrong codes.", count)
    return [text % {"count": count}]
