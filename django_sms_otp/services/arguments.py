"""Refuses arguments of the wrong type before anything is counted, and says what to pass.

A text in the place of an id or a number would otherwise match no row, and be answered like a
wrong code.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from functools import partial
from inspect import iscoroutinefunction
from types import FunctionType, MethodType
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from ..conf import get_settings
from ..delivery.messages import missing_values
from ..phone import PhoneNumber
from ..purposes import Purpose, is_template_name, read_context, write_context

__all__ = [
    "bound_to",
    "check_number",
    "check_texts",
    "check_user",
    "context_to_show",
    "e164_of",
    "purpose_of",
    "request_id_of",
]

E164 = re.compile(r"\+\d{1,15}", re.ASCII)


def check_number(value: object) -> None:
    """:raises TypeError: ``value`` is no :class:`~django_sms_otp.phone.PhoneNumber`."""
    if not isinstance(value, PhoneNumber):
        raise TypeError(
            f"phone_number must be what read_phone_number() returns, not {_type(value)}."
        )


def bound_to(user: AbstractBaseUser) -> Mapping[str, str]:
    """Return the context of a code that is good for one account alone.

    :raises TypeError: ``user`` is no user, or has no primary key yet.
    """
    check_user(user)
    return {"account": str(user.pk)}


def check_number_id(value: object) -> None:
    """:raises TypeError: ``value`` is no text, as the ``id`` of a linked number is."""
    if not isinstance(value, str):
        raise TypeError(
            f"The id of a number is a str, as numbers_of() returns it, not {_type(value)}."
        )


def check_grant(value: object) -> None:
    """:raises TypeError: ``value`` is no function of a user, or is async."""
    if value is None:
        return
    if not callable(value):
        raise TypeError(f"grant must be a function of the user, not {_type(value)}.")
    is_function = isinstance(value, FunctionType | MethodType | partial)
    if iscoroutinefunction(value if is_function else type(value).__call__):
        raise TypeError("grant must be no async function: it runs inside the transaction.")


def e164_of(value: object) -> str:
    """Return the E.164 text of a number, which may be such a text already.

    :raises TypeError: ``value`` is neither.
    :raises ValueError: the text is not in E.164.
    """
    if isinstance(value, PhoneNumber):
        return value.e164
    if not isinstance(value, str):
        raise TypeError(
            f"Pass a phone number in E.164, such as '+14155552671', not {_type(value)}."
        )
    if not E164.fullmatch(value):
        # The text may be a number, so the error does not repeat it.
        raise ValueError("The phone number is not in E.164. Pass one such as '+14155552671'.")
    return value


def request_id_of(value: object) -> uuid.UUID | None:
    """Return the id of a request, which may be its text.

    :raises TypeError: ``value`` is neither a UUID nor a text.
    :raises ValueError: the text is no UUID.
    """
    if value is None or isinstance(value, uuid.UUID):
        return value
    if not isinstance(value, str):
        raise TypeError(f"request_id must be a UUID or its text, not {_type(value)}.")
    try:
        return uuid.UUID(value)
    except ValueError:
        raise ValueError(
            "request_id must be the text of a UUID, as request_id answers it."
        ) from None


def purpose_of(value: object) -> Purpose:
    """Return the purpose of a name.

    :raises TypeError: ``value`` is no text.
    :raises ValueError: the site has declared no such purpose.
    """
    if not isinstance(value, str):
        raise TypeError(f"purpose must be a str such as 'verify_phone', not {_type(value)}.")
    return get_settings().purpose(value)


def context_to_show(
    purpose: Purpose, context: Mapping[str, str] | None, *, channel: str, is_text_shown: bool
) -> str:
    """Return the context of a message as it is stored.

    :param is_text_shown: whether the person gets the text of the purpose.
    :raises TypeError: it is no mapping of texts.
    :raises ValueError: the message needs an entry that is missing, the channel cannot show the
        message, or an entry could forge a part of it.
    """
    written = write_context(context)
    missing = purpose.shown.difference(context or ())
    if is_template_name(purpose.message) and purpose.shows_context:
        missing = frozenset(missing_values(purpose, read_context(written)))
    if missing:
        raise ValueError(
            f"The message of {purpose.name!r} shows {', '.join(sorted(missing))}: pass it in "
            "context."
        )
    if purpose.shows_context and not is_text_shown:
        # Whoever cannot read what they confirm confirms anything.
        raise ValueError(
            f"The message of {purpose.name!r} shows a context, and the gateway of the channel "
            f"{channel!r} does not send our text. Use another channel or gateway."
        )
    return written


def check_texts(**values: Any) -> None:
    """:raises TypeError: one of the values is neither a text nor ``None``."""
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a str or None, not {_type(value)}.")


def check_user(value: object) -> None:
    """:raises TypeError: ``value`` is no user, or has no primary key yet."""
    # The user of a request is a wrapper of Django's, and passes; an anonymous one does not.
    if not isinstance(value, AbstractBaseUser) or value.pk is None:
        raise TypeError(f"user must be a saved user, not {_type(value)}.")


def _type(value: object) -> str:
    return type(value).__name__
