"""Counts requests for unknown numbers, if the site answers them openly."""

from __future__ import annotations

from ..conf import get_settings
from ..phone import PhoneNumber
from .base import Violation
from .callers import Caller
from .prepayment import take_now
from .quotas import charges_of

__all__ = ["count_probe"]


def count_probe(phone_number: PhoneNumber, caller: Caller) -> Violation | None:
    """Count a request for an unknown number against the limits of the caller's address.

    Otherwise a caller could find the customers in a list of numbers at any speed. Return the
    limit that is used up, or ``None`` if the address may ask.
    """
    charges = charges_of(phone_number, caller, get_settings())
    return take_now([each for each in charges if each.is_by_address])
