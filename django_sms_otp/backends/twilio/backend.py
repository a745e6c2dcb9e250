"""Sends by Twilio: SMS, WhatsApp and calls, through Twilio's own SDK (extra ``twilio``).

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ...conf.choices import SMS, VOICE, WHATSAPP
from ...conf.validators import one_of, or_none, true_or_false, whole_number
from ...exceptions import Cause, DeliveryUnknown, NotDelivered
from ...masked import MaskedText
from ..base import SendResult, SMSMessage
from . import validators
from .base import TwilioBackend
from .error_codes import delivery_error
from .validators import if_given, is_name
from .voice import compose_twiml

FAILED = frozenset({"failed", "undelivered", "canceled"})

CALL_AGAIN = "#rc=3&rp=ct,rt,5xx"
"""Makes Twilio report again if the site or a receiver was down. By default it does so only if
it cannot connect. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

WHATSAPP_PREFIX = "whatsapp:"

LONGEST_VALIDITY = 36_000
"""Most seconds that Twilio takes for ValidityPeriod."""

LONGEST_CALL = 120
"""Seconds. Ten digits take about ninety, three times."""


class SMSBackend(TwilioBackend):
    """Send by Twilio. The options of the account are those of :class:`.base.TwilioBackend`.

    With ``auth_token``, beside an API key too, Twilio's receipts can be verified.

    :param messaging_service_sid: ``MG...``; or else ``from_number``.
    :param from_number: sender in E.164, a short code or an alphanumeric sender id.
    :param senders: other senders, by the region of the number: ``{"GB": "ACME"}``.
    :param provide_feedback: whether Twilio is told which codes were redeemed.
    :param risk_check: ``"enable"`` or ``"disable"`` Twilio's protection from SMS pumping;
        ``None``: as the account has it.
    :param smart_encoded: whether Twilio may replace characters that make a message longer.
    :param content_retention: ``"discard"``: Twilio keeps no text.
    :param address_retention: ``"obfuscate"``: Twilio keeps no whole number.
    :param whatsapp_from: sender of the channel ``whatsapp``, in E.164.
    :param content_sid: ``HX...``, the template of WhatsApp messages. Without one the text is
        sent: Meta delivers it only within 24 hours of a message from the person.
    :param content_variables: the values for its gaps; ``{code}`` is replaced.
    :param voice_from: number that calls on the channel ``voice``, in E.164.
    :param ring_timeout: seconds that the phone rings; Twilio takes up to 600.
    """

    gateway = "twilio"
    receipt_view = "django_sms_otp.webhooks.twilio.TwilioView"

    def __init__(
        self,
        *,
        alias: str,
        messaging_service_sid: str = "",
        from_number: str = "",
        senders: Mapping[str, str] | None = None,
        provide_feedback: bool = True,
        risk_check: str | None = "enable",
        smart_encoded: bool = True,
        content_retention: str | None = None,
        address_retention: str | None = None,
        whatsapp_from: str = "",
        content_sid: str = "",
        content_variables: Mapping[str, str] | None = None,
        voice_from: str = "",
        ring_timeout: int = 15,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        whatsapp_from = str(whatsapp_from or "").removeprefix(WHATSAPP_PREFIX)
        sms_from = messaging_service_sid or from_number
        expect = self._expect_all
        expect(if_given(validators.sid("MG")), messaging_service_sid=messaging_service_sid)
        expect(if_given(validators.sender), from_number=from_number)
        expect(if_given(validators.senders), senders=senders)
        expect(if_given(validators.phone_number), whatsapp_from=whatsapp_from)
        expect(if_given(validators.phone_number), voice_from=voice_from)
        expect(if_given(validators.sid("HX")), content_sid=content_sid)
        expect(or_none(validators.content_variables), content_variables=content_variables)
        expect(whole_number(5, 600), ring_timeout=ring_timeout)
        expect(if_given(true_or_false), provide_feedback=provide_feedback)
        expect(if_given(true_or_false), smart_encoded=smart_encoded)
        expect(if_given(one_of("enable", "disable")), risk_check=risk_check)
        expect(if_given(one_of("discard", "retain")), content_retention=content_retention)
        expect(if_given(one_of("obfuscate", "retain")), address_retention=address_retention)
        self._need("'messaging_service_sid' or 'from_number'", sms_from, senders=senders)
        self._need("'whatsapp_from'", whatsapp_from, content_sid=content_sid)
        self._need("'content_sid'", content_sid, content_variables=content_variables)
        if messaging_service_sid and from_number:
            raise self._invalid("give either 'messaging_service_sid' or 'from_number'.")
        by_channel = {SMS: sms_from, WHATSAPP: whatsapp_from, VOICE: voice_from}
        self.channels = frozenset(channel for channel, given in by_channel.items() if given)
        if not self.channels:
            raise self._invalid(
                "give a sender: 'messaging_service_sid' or 'from_number', 'whatsapp_from', "
                "'voice_from'."
            )
        self.receipt_secret = self._auth_token
        self.wants_feedback = bool(provide_feedback)
        self._senders = senders or {}
        self._content_variables = content_variables or {"1": "{code}"}
        self._ring_timeout = ring_timeout
        shared = {
            "provide_feedback": provide_feedback,
            "content_retention": content_retention,
            "address_retention": address_retention,
        }
        # The fields of every message, by channel. The empty ones are not sent.
        self._fields: dict[str, dict[str, Any]] = {
            SMS: {
                "messaging_service_sid": messaging_service_sid,
                "from_": from_number,
                "risk_check": risk_check,
                "smart_encoded": smart_encoded,
                **shared,
            },
            WHATSAPP: {
                "from_": f"{WHATSAPP_PREFIX}{whatsapp_from}",
                "content_sid": content_sid,
                **shared,
            },
            VOICE: {"from_": voice_from, "time_limit": LONGEST_CALL},
        }

    def send(self, message: SMSMessage) -> SendResult:
        """Create a message, or a call."""
        if message.channel not in self.channels:
            raise NotDelivered(
                f"There is no sender for the channel {message.channel!r}.",
                error_code="no-sender",
                cause=Cause.ACCOUNT,
            )
        build = {SMS: self._text, WHATSAPP: self._template, VOICE: self._call}
        fields = {
            **self._fields[message.channel],
            **build[message.channel](message),
            "status_callback": self._status_callback(message),
        }
        given = {name: value for name, value in fields.items() if value}
        return self._ask(lambda: self._create(message.channel, given))

    def send_feedback(self, message_id: str) -> None:
        """Tell Twilio that a message has done its work. It takes no such reports of calls."""
        # The id becomes a part of a path.
        if message_id.startswith(("SM", "MM")) and is_name(message_id):
            feedback = self._client.messages(message_id).feedback
            self._ask(lambda: feedback.create(outcome="confirmed"))

    def _create(self, channel: str, fields: dict[str, Any]) -> SendResult:
        resource = self._client.calls if channel == VOICE else self._client.messages
        created = resource.create(**fields)
        if created.status in FAILED:
            raise delivery_error(400, getattr(created, "error_code", None))
        if not is_name(created.sid):
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=created.sid)

    def _text(self, message: SMSMessage) -> dict[str, Any]:
        fields = {
            "to": message.to,
            "body": message.body,
            "validity_period": _life(message, LONGEST_VALIDITY),
        }
        if message.code is None:
            # Nobody redeems it. Twilio would take it for a message that has done no work.
            fields["provide_feedback"] = ""
        if own := self._senders.get(message.region):
            fields |= {"from_": own, "messaging_service_sid": ""}
        return fields

    def _template(self, message: SMSMessage) -> dict[str, Any]:
        fields = {
            "to": MaskedText(f"{WHATSAPP_PREFIX}{message.to}"),
            "validity_period": _life(message, LONGEST_VALIDITY),
        }
        if not self._fields[WHATSAPP]["content_sid"]:
            return {**fields, "body": message.body}
        filled = {
            name: MaskedText(value.replace("{code}", message.code or ""))
            for name, value in self._content_variables.items()
        }
        return {**fields, "content_variables": MaskedText(json.dumps(filled))}

    def _call(self, message: SMSMessage) -> dict[str, Any]:
        if not message.code:
            raise NotDelivered("There is no code to say.", error_code="no-code")
        return {
            "to": message.to,
            # The words are in the body of the request. An address that has them would be
            # logged, and anybody could ask it again.
            "twiml": compose_twiml(message.code, message.language),
            # An answering machine hears the code too. To tell it from a person, Twilio would
            # have to ask for the words. So the phone rings for a short time, and no longer
            # than the code lives.
            "timeout": _life(message, self._ring_timeout),
        }

    def _status_callback(self, message: SMSMessage) -> str:
        address = self.receipt_url()
        if address is None or message.code is None:
            return ""  # Receipts are about codes: a text has no row that could take one.
        # If the answer is lost, no message id is known. So the receipt has to name the request.
        query = urlencode({"request_id": message.request_id, "send_count": message.send_count})
        return f"{address}?{query}{CALL_AGAIN}"


def _life(message: SMSMessage, most: int) -> int:
    """Return the seconds that the code still lives, as far as they are of use. By default
    Twilio would deliver a queued message with a dead code."""
    return max(1, min(int(message.valid_for.total_seconds()), most))
