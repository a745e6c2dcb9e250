"""The words of a story: what became of a message, and what helps."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...backends.words import describe
from ...conf import get_settings
from ...conf.choices import DEFAULT_LIMITS
from ...limits.failures import KNOWN, STRANGERS
from ...limits.journal import ASKERS
from ...limits.rates import span
from ...models import TEST_NUMBER, DeliveryState, OTPCode
from ...purposes import LOGIN, STEP_UP, VERIFY_PHONE
from ..words import describe_control, meaning_of

__all__ = [
    "advice_on",
    "channel_name",
    "control_words",
    "failure_words",
    "fate",
    "guesser",
    "opens_account",
    "purpose_name",
]

CHANNELS = {
    "sms": gettext_lazy("SMS"),
    "whatsapp": gettext_lazy("WhatsApp message"),
    "voice": gettext_lazy("call"),
}

PURPOSES = {
    LOGIN: gettext_lazy("to log in"),
    VERIFY_PHONE: gettext_lazy("to verify the number"),
    STEP_UP: gettext_lazy("to confirm a step"),
}

GUESSERS = {
    STRANGERS: gettext_lazy("Typed by somebody who had not asked for the code."),
    KNOWN: gettext_lazy("Typed on a device or network that has logged in before."),
    ASKERS: gettext_lazy("Typed by the person who asked for the code."),
}

FATES: dict[str, str | Promise] = {
    DeliveryState.PENDING: gettext_lazy("It waits for a worker of the site."),
    DeliveryState.SENT: gettext_lazy("The gateway took it. No receipt has come."),
    DeliveryState.DELIVERED: gettext_lazy("It arrived."),
    DeliveryState.UNDELIVERED: gettext_lazy("The gateway took it, but it did not arrive."),
    DeliveryState.FAILED: gettext_lazy("It did not leave."),
    DeliveryState.UNKNOWN: gettext_lazy(
        "The gateway gave no answer: nobody knows whether it left."
    ),
    DeliveryState.WITHHELD: gettext_lazy(
        "It did not leave, and the person was told that it had."
    ),
}

GIVE_BACK = gettext_lazy("Restore the message quota, or let the person wait.")
FORGET = gettext_lazy("Reset the counts of this limit in the list of limits, or wait.")

ADVICE: dict[str, str | Promise] = {
    "failures": gettext_lazy("Make sure who is asking. Then lift the lockout."),
    "cooldown": gettext_lazy("The person may ask again after this short wait."),
    "phone": GIVE_BACK,
    "phone_ip": GIVE_BACK,
    "ip": FORGET,
    "ip_56": FORGET,
    "ip_48": FORGET,
    "prefix": FORGET,
    "country": FORGET,
    "site": FORGET,
    "budget": gettext_lazy("If you know the person, allow the number."),
    "breaker": gettext_lazy("If you know the person, allow the number."),
    "lookup": gettext_lazy("The person needs another number."),
    "challenge": gettext_lazy("The person has to pass the CAPTCHA of the login page."),
    "blocked": gettext_lazy("Lift the block, if there is no reason for it any more."),
    TEST_NUMBER: gettext_lazy("Use the code of TEST_NUMBERS in the settings."),
    "unknown_number": gettext_lazy(
        "The person must register in another way, or may have another number."
    ),
}


def channel_name(channel: str) -> str:
    return str(CHANNELS.get(channel, channel))


def purpose_name(purpose: str) -> str:
    """Return what a code is for, after "a code": ``to log in``."""
    return str(PURPOSES.get(purpose, f"({purpose})"))


def opens_account(code: OTPCode) -> bool:
    """Tell whether a code logs in. The site may have given up its purpose meanwhile."""
    purpose = get_settings().purposes.get(code.purpose)
    return purpose is not None and purpose.opens_account


def guesser(whose: str) -> str:
    return str(GUESSERS[whose])


def fate(state: str) -> str:
    """Return what became of a message."""
    return str(FATES[state])


def failure_words(alias: str, error: str) -> str:
    """Return why a message did not arrive, as sentences."""
    if not error:
        return _("The gateway gives no reason.")
    if words := describe(alias, error):
        return f"{words} ({alias}: {error})"
    text = _("The gateway “%(backend)s” gave the error %(error)s, which has no description.")
    return text % {"backend": alias, "error": error}


def control_words(control: str) -> str:
    """Return why a control stops a message, with its rates."""
    words = meaning_of(control) or describe_control(control)
    if control not in DEFAULT_LIMITS or control == "failures":
        return words
    rates = sorted(get_settings().rates(control), key=lambda rate: rate.window)
    if not rates:
        return words
    most = ", ".join(
        _("%(count)d in %(window)s") % {"count": rate.count, "window": span(rate.window)}
        for rate in rates
    )
    return _("%(reason)s (at most %(rates)s)") % {"reason": words, "rates": most}


def advice_on(control: str) -> str:
    """Return what staff may do about a control; empty if there is nothing."""
    return str(ADVICE.get(control, ""))
