"""The services of the installed Apprise that send to phone numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import apprise

__all__ = ["SERVICES", "SILENT", "UNFIT", "UNTOLD", "Service"]

SECRET = "a1b2c3d4" * 4
"""No log may hold any of it."""

UNFIT = {
    "DingTalk",  # It posts to a group, and mentions the number there.
    "Kavenegar",  # Apprise asks it without TLS.
    "Plivo",  # Apprise does not put the account's ID into the address.
}
SILENT = {"RingCentral"}
"""After an error of the connection they log warnings about other things."""
UNTOLD = {"MessageBird", "Mobile Message", "SMSC", "Vonage"}
"""Apprise does not tell them that a text has letters beyond those of GSM, or its charset."""
KNOWN = {
    "api_login": "a@example.com",
    "email": "a@example.com",
    "from_phone": "15005550006",
    "gateway_id": "*ABCDEFG",
    "host": "gateway.example.com",
    "region": "us-east-1",
    "source": "15005550006",
}
UUID = "a1b2c3d4-a1b2-a1b2-a1b2-a1b2c3d4a1b2"
CANDIDATES = [
    SECRET,
    SECRET[:25],
    f"AC{SECRET}",
    UUID,
    "12345",
    "Shop",
    f"phone-number-id-{SECRET}",
]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service with its first URL that names a recipient.

    :param template: as Apprise has it, with ``{to}`` for the recipient.
    :param url: the same with values for the rest.
    """

    name: str
    schema: str
    template: str
    url: str
    number: str = "+14155552671"

    def __str__(self) -> str:
        return self.schema


def _services() -> list[Service]:
    described = apprise.Apprise().details()["schemas"]
    found = [_service(each) for each in described if _sends_to_numbers(each)]
    return sorted(found, key=lambda service: service.name.lower())


def _sends_to_numbers(described: Any) -> bool:
    if described["service_name"] in UNFIT:
        return False
    return any(name.startswith("target_phone") for name in described["details"]["tokens"])


def _service(described: Any) -> Service:
    tokens = described["details"]["tokens"]
    schema = (described["secure_protocols"] or described["protocols"])[0]
    templates = [each for each in described["details"]["templates"] if "{targets}" in each]
    template = templates[0].replace("{schema}", schema).replace("{targets}", "{to}").rstrip("/")
    url = re.sub(
        r"\{(?!to\})(\w+)\}", lambda found: _value(found[1], tokens[found[1]]), template
    )
    service = Service(
        name=str(described["service_name"]), schema=schema, template=template, url=url
    )
    is_australian = schema == "mobilemessage"
    return replace(service, number="+61412345678") if is_australian else service


def _value(name: str, token: Any) -> str:
    if name in KNOWN:
        return KNOWN[name]
    pattern, flags = token.get("regex") or ("", "")
    matches = re.compile(pattern, re.IGNORECASE if flags == "i" else 0).match
    for each in CANDIDATES:
        if matches(each):
            return each
    raise LookupError(f"No value fits {name!r} of a new service: {pattern}")


SERVICES = _services()
