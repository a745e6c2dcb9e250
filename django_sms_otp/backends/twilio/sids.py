"""Twilio's ids: two letters that tell the kind, and 32 hexadecimal digits.

https://www.twilio.com/docs/glossary/what-is-a-sid
"""

from __future__ import annotations

import re

from ...exceptions import InvalidBackend

__all__ = ["is_name", "is_sid", "require_sid"]

KINDS = {
    "AC": "an Account SID",
    "MG": "a Messaging Service SID",
    "SK": "an API key SID",
}

NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
"""Some emulators of Twilio name messages by a UUID."""


def is_name(text: str) -> bool:
    """Tell whether ``text`` can be the name of a message or a call."""
    return bool(NAME.fullmatch(text))


def is_sid(value: object, kind: str) -> bool:
    """Tell whether ``value`` is a SID.

    :param kind: its first two letters: ``"AC"``.
    """
    return bool(re.fullmatch(f"{kind}[0-9a-fA-F]{{32}}", str(value)))


def require_sid(option: str, value: object, kind: str, *, alias: str) -> None:
    """Refuse an option that is no SID of this kind.

    :raises InvalidBackend: the text says what to change.
    """
    if is_sid(value, kind):
        return
    is_key = kind == "AC" and is_sid(value, "SK")
    hint = " That is an API key: give it as 'api_key_sid'." if is_key else ""
    raise InvalidBackend(
        f"option {option!r} must be {KINDS[kind]}: {kind} and 32 hexadecimal digits.{hint}",
        alias=alias,
    )
