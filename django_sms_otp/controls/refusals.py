"""Logs and counts refused messages, notes them for staff, and sends their signals."""

from __future__ import annotations

import logging
from functools import partial

from django.conf import settings

from ..conf import get_settings
from ..conf.choices import DEFAULT_LIMITS
from ..db import database_alias, retry_lost_races
from ..exceptions import PhoneNumberError
from ..limits.refusals import Refusals
from ..logs import log_fields
from ..models import Limit, LimitKind
from ..phone import PhoneNumber
from ..signals import limit_tripped, number_refused
from ..stats.counts import count
from .breakers import announce
from .policy import Decision, Note, Refused
from .quotas import NETWORK_CONTROLS

__all__ = ["log_decision", "log_refused_number", "log_used_up", "log_withheld"]

logger = logging.getLogger("django_sms_otp")

MOST_ATTEMPTS = 5
"""A note that other calls outrun so often is not written."""

ALARMING = frozenset(
    {*NETWORK_CONTROLS, "failures_ip", "prefix", "country", "site", "budget", "lookup"}
)
"""Controls that many numbers share. The others concern a single person."""


def log_decision(decision: Decision, phone_number: PhoneNumber) -> None:
    """Log the controls that refused a message, or would have but only record."""
    for control in decision.recorded:
        _log("recorded", control, phone_number)
    if isinstance(decision, Refused):
        _log("refused", decision.control, phone_number)
        if decision.note:
            _write(decision.note, phone_number)
    for trip in decision.trips:
        announce(trip)


def log_withheld(control: str, phone_number: PhoneNumber) -> None:
    """Log the control that withheld a message."""
    _log("withheld", control, phone_number)


def log_used_up(control: str, phone_number: PhoneNumber) -> None:
    """Log that the last use of a limit was counted.

    For a limit on guesses: each refused guess is not worth a write to the database.
    """
    verb = "recorded" if get_settings().mode(control) == "record" else "refused"
    _log(verb, control, phone_number)


def log_refused_number(error: PhoneNumberError, control: str, channel: str) -> None:
    """Log a number that gets no message because of its type or region.

    :param control: ``number_type`` or ``region``; empty if the text is not a number. Then
        nothing is logged or counted: anybody may post such texts without end.
    """
    mode = get_settings().mode(control)
    if control:
        verb = "recorded" if mode == "record" else "refused"
        extra = log_fields(
            "control", outcome=verb, control=control, region=error.region, channel=channel
        )
        text = "%s a number of region %s: %s."
        logger.info(text, verb.capitalize(), error.region, control, extra=extra)
        count(f"{verb}:{control}", error.region)
    number_refused.send_robust(
        Limit,
        channel=channel,
        region=error.region,
        reason=error.code,
        control=control,
        mode=mode,
    )


def _write(note: Note, phone_number: PhoneNumber) -> None:
    """Write a note into the number's row.

    If another call has changed the row, it is read again: an erasure may have forgotten earlier
    refusals, and they must not come back.
    """
    rows = Limit.objects.using(database_alias())
    row = rows.filter(kind=LimitKind.NUMBER, subject=phone_number.e164)
    refusals: Refusals | None = note.refusals
    version = note.version
    for _attempt in range(MOST_ATTEMPTS):
        if refusals is None or retry_lost_races(
            partial(row.filter(version=version).update, refusals=refusals.to_json())
        ):
            return
        newer = row.only("version", "refusals").first()
        if newer is None:
            return
        known, version = Refusals.from_json(newer.refusals), newer.version
        refusals = known.with_one(note.refusal, sent_at=note.sent_at)


def _hint(control: str) -> str:
    """Return how to lift a limit where one developer asks for all codes."""
    if control == "cooldown":
        return 'on this machine you may set SMS_OTP["COOLDOWN"] = [].'
    if control == "failures":
        return "lift the lockout in the admin, among the limits."
    if control in DEFAULT_LIMITS:
        return f'on this machine you may set SMS_OTP["CONTROL_MODES"] = {{"{control}": "off"}}.'
    return ""


def _log(verb: str, control: str, phone_number: PhoneNumber) -> None:
    level = logging.WARNING if control in ALARMING else logging.INFO
    extra = log_fields("control", phone_number=phone_number, outcome=verb, control=control)
    text = "%s a code for %s: %s."
    if settings.DEBUG and verb == "refused" and (hint := _hint(control)):
        # Without a configuration of its own, a site shows warnings and no other lines of apps.
        level, text = logging.WARNING, f"{text} DEBUG is on: {hint}"
    logger.log(level, text, verb.capitalize(), phone_number, control, extra=extra)
    # All regions share the limit of the site, so they share its signal.
    region = "" if control == "site" else phone_number.region
    is_first_of_hour = count(f"{verb}:{control}", region)
    if is_first_of_hour and control in ALARMING:
        mode = get_settings().mode(control)
        limit_tripped.send_robust(Limit, control=control, mode=mode, region=region)
