"""The words for a failure, as people read them in the admin and in commands."""

from __future__ import annotations

from django.utils.translation import gettext

from ..exceptions import Cause, InvalidSettings
from .faults import Fault, fault_of_code
from .registry import get_backend

__all__ = ["cause_of", "describe"]


def describe(alias: str, error_code: str) -> str:
    """Return one sentence about a failure, in the active language. Empty: nothing is known of
    it.

    :param alias: the backend that failed. It need not exist any more.
    :param error_code: the ``error_code`` of the error or the receipt.
    """
    fault = _fault(alias, error_code)
    return gettext(fault.words) if fault else ""


def cause_of(alias: str, error_code: str) -> Cause | None:
    """Return what a failure is about; ``None`` if nothing is known of it."""
    fault = _fault(alias, error_code)
    return fault.cause if fault else None


def _fault(alias: str, error_code: str) -> Fault | None:
    try:
        return get_backend(alias).fault_of(error_code)
    except InvalidSettings:
        return fault_of_code(error_code)
