"""The words for a failure, as people read them in the admin and in commands."""

from __future__ import annotations

from django.utils.translation import gettext

from ..exceptions import InvalidSettings
from .faults import fault_of_code
from .registry import get_backend

__all__ = ["describe"]


def describe(alias: str, error_code: str) -> str:
    """Return one sentence about a failure, in the active language. Empty: nothing is known of
    it.

    :param alias: the backend that failed. It need not exist any more.
    :param error_code: the ``error_code`` of the error or the receipt.
    """
    try:
        fault = get_backend(alias).fault_of(error_code)
    except InvalidSettings:
        fault = fault_of_code(error_code)
    return gettext(fault.words) if fault else ""
