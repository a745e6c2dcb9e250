"""``TEST_NUMBERS``: numbers with a fixed code, for people who review the site's app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import timezone

from ..exceptions import PhoneNumberError
from ..masked import MaskedText
from ..phone import read_any
from .validators import as_sentence, entries, or_none

__all__ = ["code_today", "test_numbers_problem"]

CODE = re.compile(r"\d{4,10}", re.ASCII)


def test_numbers_problem(value: Any) -> str | None:
    """Validate ``TEST_NUMBERS``. No error shows a code."""
    if not isinstance(value, Mapping):
        return (
            'must be a dict such as {"+14155550100": {"code": "492817", "until": date(...)}}.'
        )
    for number, entry in value.items():
        if not _is_e164(number):
            return f'has {number!r}. Write a phone number in E.164, such as "+14155550100".'
        if problem := _entry_problem(entry):
            return f"[{number!r}]{as_sentence(problem, '')}"
    return None


def code_today(entry: Mapping[str, Any] | None) -> str | None:
    """Return the code of an entry; ``None`` if there is none, or its last day is over.

    Days are those of ``TIME_ZONE``.
    """
    if entry is None:
        return None
    until = entry.get("until")
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return None if until is not None and until < today else MaskedText(entry["code"])


def _code_problem(value: Any) -> str | None:
    is_code = isinstance(value, str) and CODE.fullmatch(value)
    return None if is_code else "must be a text of 4 to 10 digits."


def _day_problem(value: Any) -> str | None:
    # A datetime is a date, too, but cannot be compared with one.
    return None if type(value) is date else "must be the last day, such as date(2027, 3, 1)."


ENTRY = {"code": _code_problem, "until": or_none(_day_problem)}


def _entry_problem(entry: Any) -> str | None:
    needed = 'must be a dict with "code", and "until" for its last day.'
    if problem := entries("key", ENTRY, needed)(entry):
        return problem
    return None if "code" in entry else needed


def _is_e164(value: Any) -> bool:
    """Tell whether a number is written as the app writes it: a request finds no other."""
    if not isinstance(value, str) or not value.startswith("+"):
        return False
    try:
        return read_any(value).e164 == value
    except PhoneNumberError:
        return False
