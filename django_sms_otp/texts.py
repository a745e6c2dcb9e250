"""What is answered to a refusal, by its stable word: the text for the person, the HTTP status
and the wait.

A new word takes a line here, another one if its status is not 400, and one in the table of
``docs/api.md``.
"""

from __future__ import annotations

import math
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

__all__ = ["STATUSES", "TEXTS", "text_of", "whole_seconds"]

TEXTS = {
    "busy": _(
        "Several requests for this phone number came at the same time. Please try again."
    ),
    "challenge_required": _("Please prove that you are human, and try again."),
    "cooldown": _("A code was sent a moment ago. Please wait before you ask for another one."),
    "cross_site": _("This request came from a page of another website. Please use our own."),
    "csrf_failed": _("This page has expired. Reload it, and try again."),
    "delivery_failed": _("The SMS could not be sent. Please try again later."),
    "invalid": _("The request is malformed."),
    "invalid_code": _("This code is not valid. Check it, or ask for a new one."),
    "invalid_phone_number": _(
        "This is not a phone number. Write it with its country code: +14155552671."
    ),
    "last_way_in": _(
        "Your account needs this number. Add another number before you remove it."
    ),
    "no_active_account": _("This account cannot be logged in to by SMS."),
    "not_authenticated": _("Please log in first."),
    "not_found": _("We could not find that."),
    "phone_number_not_sms_capable": _(
        "This kind of phone number cannot receive our SMS. Use a mobile number."
    ),
    "phone_number_taken": _("This phone number belongs to another account."),
    "quota_exceeded": _("Too many codes were asked for. Please try again later."),
    "recipient_opted_out": _(
        "This number has opted out of our SMS. To get them again, text START to the number"
        " that sent them."
    ),
    "region_not_supported": _(
        "We do not send SMS to phone numbers of this country or network."
    ),
    "request_too_large": _("The request is too large."),
    "reverification_needed": _(
        "Please log in in another way: it is not certain that this number is still yours."
    ),
    "sms_verification_required": _("Please confirm first that it is you."),
    "too_many_attempts": _("Too many wrong codes. Please ask for a new code."),
    "unavailable": _("The service is not available right now. Please try again in a moment."),
    "unknown_phone_number": _("There is no account with this phone number."),
}
"""Translated when they are read."""

STATUSES = {
    "busy": 503,
    "challenge_required": 403,
    "cooldown": 429,
    "cross_site": 403,
    "csrf_failed": 403,
    "delivery_failed": 503,
    "invalid_code": 401,
    "last_way_in": 409,
    "no_active_account": 401,
    "not_authenticated": 401,
    "not_found": 404,
    "phone_number_taken": 409,
    "quota_exceeded": 429,
    "recipient_opted_out": 409,
    "request_too_large": 413,
    "reverification_needed": 403,
    "sms_verification_required": 403,
    "too_many_attempts": 429,
    "unavailable": 503,
    "unknown_phone_number": 404,
}
"""The status of each ``code`` whose status is not 400."""


def text_of(code: str) -> str:
    """Return the text of a refusal in the active language.

    :raises KeyError: no refusal has this word.
    """
    return str(TEXTS[code])


def whole_seconds(wait: timedelta) -> int:
    """Return a wait as clients are told it, rounded up: who comes back then is not too early.

    A client that is told 0 would ask again at once.
    """
    # First to milliseconds, so that clock skew does not add a second.
    return max(1, math.ceil(round(wait.total_seconds(), 3)))
