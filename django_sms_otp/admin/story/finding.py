"""Reads what staff type, and finds whose story it is: a number, a user, a request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import IntegerField, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ...models import Limit, LimitKind, OTPCode, VerifiedPhone
from ..accounts import MAYBE_A_NUMBER, may_see_users
from ..base import NOT_FOR_YOU, may_see_numbers
from ..search import explain_no_code, explain_unreadable, whole_numbers

__all__ = ["Found", "find", "row_of"]

MOST_FOUND = 10
LOGGED_ID = re.compile(r"[0-9a-f]{8}")
"""The first characters of a request's id, as log lines have them."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """:param rows: rows of numbers, and users.
    :param why: why there are none."""

    rows: list[Any]
    why: str = ""


def find(request: HttpRequest, text: str) -> Found:
    text = text.strip()
    rows: list[Any] = [*_requests(text)]
    numbers = whole_numbers(text)
    looks_like_number = bool(numbers) or bool(MAYBE_A_NUMBER.fullmatch(text))
    if not rows and looks_like_number and not may_see_numbers(request):
        # A user may be named by a number: that would complete a masked one by trying.
        rows = [*_users_by_key(text)] if may_see_users(request) else []
        return Found(rows=rows, why="" if rows else str(NOT_FOR_YOU))
    if not rows:
        rows = [row for number in numbers if (row := row_of(number))]
    if not rows and may_see_users(request):
        rows = [*_users(text)]
    if rows:
        return Found(rows=rows)
    if numbers:
        return Found(rows=[], why=explain_no_code(numbers[0]))
    if looks_like_number:
        return Found(rows=[], why=explain_unreadable(text))
    return Found(rows=[], why=_nothing(request))


def row_of(e164: str) -> Limit | OTPCode | VerifiedPhone | None:
    """Return a row that stands for a number in an address, if there is one."""
    codes = OTPCode.objects.filter(phone_number=e164).defer("seed")
    return (
        Limit.objects.filter(kind=LimitKind.NUMBER, subject=e164).first()
        or VerifiedPhone.objects.filter(phone_number=e164).first()
        or codes.order_by("-created_at").first()
    )


def _requests(text: str) -> list[OTPCode]:
    codes = OTPCode.objects.defer("seed")
    if LOGGED_ID.fullmatch(text.lower()):
        first, last = (uuid.UUID(text + digit * 24) for digit in "0f")
        return [*codes.filter(pk__range=(first, last))[:MOST_FOUND]]
    try:
        return [*codes.filter(pk=uuid.UUID(text))]
    except ValueError:
        return []


def _users(text: str) -> Iterator[Any]:
    model = get_user_model()
    wanted = Q(**{model.USERNAME_FIELD: text})
    if "@" in text:
        wanted |= Q(**{f"{model.get_email_field_name()}__iexact": text})
    with suppress(ValidationError):  # The text is no key.
        wanted |= Q(pk=model._meta.pk.to_python(text))
    yield from model._default_manager.filter(wanted)[:MOST_FOUND]


def _users_by_key(text: str) -> Iterator[Any]:
    """Yield the user whose primary key is a number that counts users, and of no phone."""
    model = get_user_model()
    if text.isdecimal() and isinstance(model._meta.pk, IntegerField):
        yield from model._default_manager.filter(pk=text)


def _nothing(request: HttpRequest) -> str:
    if may_see_users(request):
        return _("There is no such user, request or phone number.")
    return _("There is no such request. To find users, you must be allowed to see them.")
