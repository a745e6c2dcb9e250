"""What a number's row counts of wrong guesses."""

from __future__ import annotations

from django_sms_otp.limits.failures import Failures, Guesses
from django_sms_otp.models import Limit

from ..conftest import PHONE

__all__ = ["consecutive", "guesses_of", "made_by"]


def made_by(**groups: Failures) -> Guesses:
    """Return wrong guesses at codes that are gone, by group of callers."""
    total = sum(failures.consecutive for failures in groups.values())
    return Guesses(consecutive=total, groups=groups)


def guesses_of(phone: str = PHONE) -> Guesses:
    """Return what the row of a number counts."""
    return Guesses.from_json(Limit.objects.get(subject=phone).state.get("guesses", {}))


def consecutive(phone: str = PHONE) -> int:
    """Return the wrong guesses in a row, of all groups, that the row of a number counts."""
    return guesses_of(phone).consecutive
