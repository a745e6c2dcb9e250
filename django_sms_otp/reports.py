"""Says what was refused: a count, a line in the log, a signal. What an on-call reads first."""

from __future__ import annotations

import logging

from .breakers import announce
from .conf import get_settings
from .controls import Decision, Refused
from .counts import count
from .models import Limit
from .phone import PhoneNumber
from .signals import limit_tripped

__all__ = ["report", "report_number", "report_withheld"]

logger = logging.getLogger("django_sms_otp")

ALARMING = frozenset({"ip", "prefix", "country", "site", "budget", "lookup"})
"""Controls that many numbers share. The others tell of one person's impatience."""


def report(decision: Decision, phone_number: PhoneNumber) -> None:
    """Count and log what refused or would have refused a message."""
    for control in decision.recorded:
        _report("recorded", control, phone_number)
    if isinstance(decision, Refused):
        _report("refused", decision.control, phone_number)
    for trip in decision.trips:
        announce(trip)


def report_withheld(control: str, phone_number: PhoneNumber) -> None:
    """Count and log what withheld a message."""
    _report("withheld", control, phone_number)


def report_number(control: str, region: str, *, refused: bool) -> None:
    """Count and log a number of a region or type that is not sent to."""
    verb = "refused" if refused else "recorded"
    logger.info("%s a number of region %s: %s.", verb.capitalize(), region, control)
    count(f"{verb}:{control}", region)


def _report(verb: str, control: str, phone_number: PhoneNumber) -> None:
    level = logging.WARNING if control in ALARMING else logging.INFO
    logger.log(level, "%s a code for %s: %s.", verb.capitalize(), phone_number, control)
    # The site's cap is one for all regions, and so is its alarm.
    region = "" if control == "site" else phone_number.region
    is_first_of_hour = count(f"{verb}:{control}", region)
    if is_first_of_hour and control in ALARMING:
        mode = get_settings().mode(control)
        limit_tripped.send_robust(Limit, control=control, mode=mode, region=region)
