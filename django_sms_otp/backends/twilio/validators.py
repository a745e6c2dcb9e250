"""Validators of Twilio's ids and senders. Each returns the problem with an option, or ``None``.

https://www.twilio.com/docs/glossary/what-is-a-sid
https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...conf.validators import Validator, is_region

KINDS = {
    "AC": "an Account SID",
    "HX": "a Content SID",
    "MG": "a Messaging Service SID",
    "SK": "an API key SID",
}

NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
"""Some emulators of Twilio name messages by a UUID."""

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SHORT_CODE = re.compile(r"[0-9]{3,8}")
ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")


def is_name(value: object) -> bool:
    """Tell whether ``value`` can be the name of a message or a call."""
    return isinstance(value, str) and bool(NAME.fullmatch(value))


def is_sid(value: object, kind: str) -> bool:
    """Tell whether ``value`` is a SID.

    :param kind: its first two letters: ``"AC"``.
    """
    return bool(re.fullmatch(f"{kind}[0-9a-fA-F]{{32}}", str(value)))


def if_given(validator: Validator) -> Validator:
    return lambda value: validator(value) if value else None


def sid(kind: str) -> Validator:
    def validate(value: object) -> str | None:
        if is_sid(value, kind):
            return None
        is_key = kind == "AC" and is_sid(value, "SK")
        hint = ". That is an API key: give it as 'api_key_sid'" if is_key else ""
        return f"must be {KINDS[kind]}: {kind} and 32 hexadecimal digits{hint}"

    return validate


def phone_number(value: object) -> str | None:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return None
    return "must be a phone number in E.164, +15005550006"


def sender(value: object) -> str | None:
    kinds = (NUMBER, SHORT_CODE, ALPHANUMERIC)
    if isinstance(value, str) and any(kind.fullmatch(value) for kind in kinds):
        return None
    return (
        "must be a phone number in E.164, a short code, or an alphanumeric sender: 1 to 11 "
        "letters, digits, spaces and &+_-, one letter at least"
    )


def senders(value: object) -> str | None:
    if not isinstance(value, Mapping) or not all(map(is_region, value)):
        return 'must be a dict of senders by two-letter region, such as {"GB": "ACME"}'
    for region, each in value.items():
        if problem := sender(each):
            return f"for {region!r} {problem}"
    return None


def content_variables(value: object) -> str | None:
    if isinstance(value, Mapping):
        texts = [*value, *value.values()]
        are_texts = all(isinstance(text, str) and text for text in texts)
        if are_texts and any("{code}" in text for text in value.values()):
            return None
    return 'must be a dict of texts, one of which has {code}, such as {"1": "{code}"}'
