"""Controls and failures in plain words: why a person got no code."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..backends.words import describe
from ..models import OTPCode

__all__ = ["describe_control", "describe_failure", "meaning_of"]

CONTROLS: dict[str, str | Promise] = {
    "number_type": gettext_lazy("the site sends no messages to numbers of this type"),
    "region": gettext_lazy("the site sends no messages to this country"),
    "failures": gettext_lazy("too many wrong guesses for this number"),
    "failures_ip": gettext_lazy("too many wrong codes from one IP address"),
    "cooldown": gettext_lazy("a message went to this number a moment before"),
    "phone": gettext_lazy("too many messages to this number"),
    "phone_ip": gettext_lazy("too many messages to this number from one IP address"),
    "ip": gettext_lazy("too many messages from one IP address"),
    "ip_56": gettext_lazy("too many messages from one IPv6 network (/56)"),
    "ip_48": gettext_lazy("too many messages from one IPv6 network (/48)"),
    "prefix": gettext_lazy("too many messages to numbers with this prefix"),
    "country": gettext_lazy("too many messages to this country"),
    "site": gettext_lazy("too many messages from the whole site"),
    "budget": gettext_lazy("too many unredeemed messages to unverified numbers"),
    "breaker": gettext_lazy(
        "too few codes of this country or prefix are redeemed, or the gateway saw fraud"
    ),
    "lookup": gettext_lazy("the look-up refused this number"),
    "blocked": gettext_lazy("staff have blocked this number"),
    "challenge": gettext_lazy("the CAPTCHA was not passed"),
    "test_number": gettext_lazy("this is a test number: its code is in the settings"),
    "unknown_number": gettext_lazy("no account has this number"),
}


def meaning_of(control: str) -> str:
    """Return why a control stops a message; empty if it has no words."""
    return str(CONTROLS.get(control, ""))


def describe_control(name: str) -> str:
    """Return a control with its meaning: ``phone_ip: too many messages ...``."""
    words = meaning_of(name)
    return f"{name}: {words}" if words else name


def describe_failure(row: OTPCode) -> str:
    """Return the words for the error of a code's delivery; empty if nothing is known of it."""
    if not row.delivery_error:
        return ""
    return describe(row.backend, row.delivery_error)
