"""The fields of Twilio's Messages resource, for an SMS and for a WhatsApp message.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ...conf.validators import is_region
from ...exceptions import InvalidBackend
from ..base import SMSMessage
from .sids import require_sid

__all__ = ["Texts", "WhatsApp", "choose_fields", "is_number"]

LONGEST_VALIDITY = 36_000
"""Most seconds that Twilio takes for ValidityPeriod."""

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SHORT_CODE = re.compile(r"[0-9]{3,8}")
# https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")

CHOICES: Mapping[str, Sequence[object]] = {
    "provide_feedback": [True],
    "risk_check": ["enable", "disable"],
    "smart_encoded": [True],
    "content_retention": ["discard", "retain"],
    "address_retention": ["obfuscate", "retain"],
}

WHATSAPP = "whatsapp:"


def is_number(value: object) -> bool:
    """Tell whether ``value`` is a phone number in E.164."""
    return isinstance(value, str) and bool(NUMBER.fullmatch(value))


def choose_fields(alias: str, **choices: object) -> dict[str, object]:
    """Return the optional parameters that a site has chosen.

    :raises InvalidBackend: Twilio does not take one of them.
    """
    for name, value in choices.items():
        if value and value not in CHOICES[name]:
            words = " or ".join(map(repr, CHOICES[name]))
            raise InvalidBackend(
                f"option {name!r} must be {words}; None leaves it out.", alias=alias
            )
    return {name: value for name, value in choices.items() if value}


class Texts:
    """Messages by SMS. The options are those of :class:`.backend.SMSBackend`.

    :param choices: other parameters of every message.
    """

    def __init__(
        self,
        *,
        alias: str,
        messaging_service_sid: str,
        from_number: str,
        senders: Mapping[str, str] | None,
        choices: Mapping[str, object],
    ) -> None:
        if messaging_service_sid and from_number:
            raise InvalidBackend(
                "give either 'messaging_service_sid' or 'from_number'.", alias=alias
            )
        if messaging_service_sid:
            require_sid("messaging_service_sid", messaging_service_sid, "MG", alias=alias)
        if from_number:
            _require_sender("'from_number'", from_number, alias)
        self._default = (
            {"from_": from_number}
            if from_number
            else {"messaging_service_sid": messaging_service_sid}
        )
        self.is_on = bool(from_number or messaging_service_sid)
        self._senders = self._check(senders or {}, alias)
        self._choices = choices

    def build_fields(self, message: SMSMessage) -> dict[str, Any]:
        """Return the parameters of the message."""
        own = self._senders.get(message.region)
        return {
            "to": message.to,
            "body": message.body,
            "validity_period": validity_period(message.valid_for),
            **({"from_": own} if own else self._default),
            **self._choices,
        }

    def _check(self, senders: Mapping[str, str], alias: str) -> dict[str, str]:
        if not isinstance(senders, Mapping) or not all(map(is_region, senders)):
            raise InvalidBackend(
                "option 'senders' must be a dict of senders by two-letter region, such as "
                '{"GB": "ACME"}.',
                alias=alias,
            )
        if senders and not self.is_on:
            raise InvalidBackend(
                "option 'senders' needs 'messaging_service_sid' or 'from_number', for all "
                "other regions.",
                alias=alias,
            )
        for region, sender in senders.items():
            _require_sender(f"'senders'[{region!r}]", sender, alias)
        return dict(senders)


class WhatsApp:
    """Messages by WhatsApp, from a content template that Meta has approved. Without a template
    the text is sent: Meta delivers it only within 24 hours of a message from the person."""

    def __init__(
        self,
        *,
        alias: str,
        whatsapp_from: str,
        content_sid: str,
        content_variables: Mapping[str, str] | None,
        choices: Mapping[str, object],
    ) -> None:
        number = str(whatsapp_from).removeprefix(WHATSAPP)
        if whatsapp_from and not is_number(number):
            raise InvalidBackend(
                "option 'whatsapp_from' must be a phone number in E.164, +15005550006.",
                alias=alias,
            )
        if content_sid and not (whatsapp_from and str(content_sid).startswith("HX")):
            raise InvalidBackend(
                "option 'content_sid' must be a content template, HX..., and needs "
                "'whatsapp_from'.",
                alias=alias,
            )
        self.is_on = bool(whatsapp_from)
        self._from = f"{WHATSAPP}{number}"
        self._choices = choices
        self._content_sid = content_sid
        self._variables = self._check(content_variables, alias)

    def build_fields(self, message: SMSMessage) -> dict[str, Any]:
        """Return the parameters of the message."""
        return {
            "to": f"{WHATSAPP}{message.to}",
            "from_": self._from,
            "validity_period": validity_period(message.valid_for),
            **self._build_content(message),
            **self._choices,
        }

    def _build_content(self, message: SMSMessage) -> dict[str, str]:
        if not self._content_sid:
            return {"body": message.body}
        filled = {
            name: value.replace("{code}", message.code or "")
            for name, value in self._variables.items()
        }
        return {"content_sid": self._content_sid, "content_variables": json.dumps(filled)}

    def _check(self, variables: Mapping[str, str] | None, alias: str) -> dict[str, str]:
        if variables is None:
            return {"1": "{code}"}
        is_dict = isinstance(variables, Mapping) and all(
            isinstance(text, str) and text for pair in variables.items() for text in pair
        )
        if not (is_dict and self._content_sid) or not any(
            "{code}" in value for value in variables.values()
        ):
            raise InvalidBackend(
                "option 'content_variables' must be a dict of texts, one of which has {code}, "
                'such as {"1": "{code}"}, and needs \'content_sid\'.',
                alias=alias,
            )
        return dict(variables)


def validity_period(valid_for: timedelta) -> int:
    """Return the seconds after which Twilio drops a message that waits."""
    # The default is ten hours: a queued message would arrive with a dead code.
    return max(1, min(int(valid_for.total_seconds()), LONGEST_VALIDITY))


def _require_sender(name: str, value: object, alias: str) -> None:
    kinds = (NUMBER, SHORT_CODE, ALPHANUMERIC)
    if not (isinstance(value, str) and any(kind.fullmatch(value) for kind in kinds)):
        raise InvalidBackend(
            f"option {name} must be a phone number in E.164, a short code, or an alphanumeric "
            "sender: 1 to 11 letters, digits, spaces and &+_-, one letter at least.",
            alias=alias,
        )
