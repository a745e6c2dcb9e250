"""What a person reads about a refusal and a wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..texts import text_of, whole_seconds

__all__ = [
    "ADDED",
    "EXPIRED",
    "MADE_PRIMARY",
    "OTHER_TAB",
    "REMOVED",
    "SENT",
    "channel_texts",
    "length_text",
    "minutes_until",
    "refusal_text",
    "wait_text",
]

EXPIRED = _("This code has expired. Ask for a new one.")
OTHER_TAB = _(
    "You have asked for another code in the meantime. Enter that one, or use another number."
)

ADDED = _("The phone number was added.")
MADE_PRIMARY = _("Your main phone number was changed.")
REMOVED = _("The phone number was removed.")

SENT = {
    "sms": _("The code is on its way to you by SMS."),
    "whatsapp": _("The code is on its way to you by WhatsApp."),
    "voice": _("We are calling you now to read out the code."),
}
"""What is said when a code is sent once more, by its channel."""

AGAIN = {
    "sms": _("Send the code again by SMS"),
    "whatsapp": _("Send the code again by WhatsApp"),
    "voice": _("Call me and read out the code"),
}

ANEW = {
    "sms": _("Send a new code by SMS"),
    "whatsapp": _("Send a new code by WhatsApp"),
    "voice": _("Call me and read out a new code"),
}

BEFORE_A_WAIT = {
    "cooldown": _("A code was sent a moment ago."),
    "delivery_failed": _("The SMS could not be sent."),
    "quota_exceeded": _("Too many codes were asked for."),
    "too_many_attempts": _("Too many wrong codes."),
}
"""Refusals after which a code can be asked for later. How long that is follows."""


ABOUT = 10
"""Minutes that a wait of hours may be longer than it says."""


def channel_texts(offered: Mapping[str, str], *, is_over: bool) -> list[tuple[str, str]]:
    """Return the channels of a site, each with the text of its button.

    :param is_over: whether the code can be entered no more.
    """
    texts = ANEW if is_over else AGAIN
    return [(channel, str(texts[channel])) for channel in offered]


def refusal_text(reason: str, wait: timedelta | None) -> str:
    """Return the text of a refusal, and how long to wait, in the active language.

    :param reason: the stable word of the API's answer.
    :param wait: ``None`` if asking again does not help.
    """
    if wait and reason in BEFORE_A_WAIT:
        return f"{BEFORE_A_WAIT[reason]} {wait_text(wait)}"
    return text_of(reason)


def wait_text(wait: timedelta) -> str:
    """Return a wait in words, rounded up: who comes back then is not too early, or hardly."""
    seconds = whole_seconds(wait)
    if seconds < 120:
        text = ngettext(
            "You can ask again in %(count)d second.",
            "You can ask again in %(count)d seconds.",
            seconds,
        )
        return text % {"count": seconds}
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        text = ngettext(
            "You can ask again in %(count)d minute.",
            "You can ask again in %(count)d minutes.",
            minutes,
        )
        return text % {"count": minutes}
    hours = math.ceil((minutes - ABOUT) / 60)
    if hours == 1:
        return gettext("You can ask again in about an hour.")
    text = ngettext(
        "You can ask again in about %(count)d hour.",
        "You can ask again in about %(count)d hours.",
        hours,
    )
    return text % {"count": hours}


def minutes_until(moment: datetime) -> str:
    """Return how long a code is valid, in words; empty if it is not any more."""
    left = moment - timezone.now()
    if left <= timedelta():
        return ""
    # The page comes a moment after its code: ten minutes are not to look like nine.
    minutes = (left + timedelta(seconds=10)) // timedelta(minutes=1)
    if minutes < 1:
        return gettext("The code is valid for less than a minute.")
    text = ngettext(
        "The code is valid for %(count)d minute.",
        "The code is valid for %(count)d minutes.",
        minutes,
    )
    return text % {"count": minutes}


def length_text(length: int) -> str:
    """Return what the code looks like."""
    text = ngettext("The code has %(count)d digit.", "The code has %(count)d digits.", length)
    return text % {"count": length}
