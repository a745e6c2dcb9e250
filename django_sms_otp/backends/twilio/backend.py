"""Sends by Twilio: SMS, WhatsApp and calls, through Twilio's own SDK (extra ``twilio``).

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.views.decorators.debug import sensitive_variables

from ...conf.validators import SMS, VOICE, WHATSAPP
from ...exceptions import DeliveryUnknown, InvalidBackend, NotDelivered
from ..base import SendResult, SMSMessage
from .base import TwilioBackend
from .error_codes import delivery_error
from .messages import Texts, WhatsApp, choose_fields
from .sids import is_name
from .voice import Calls

FAILED = frozenset({"failed", "undelivered", "canceled"})

CALL_AGAIN = "#rc=3&rp=ct,rt,5xx"
"""Makes Twilio report again if the site or a receiver was down. By default it does so only if
it cannot connect. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""


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
    :param content_sid: ``HX...``, the template of WhatsApp messages.
    :param content_variables: the values for its gaps; ``{code}`` is replaced.
    :param voice_from: number that calls on the channel ``voice``, in E.164.
    :param ring_timeout: seconds that the phone rings.
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
        self.receipt_secret = self._auth_token
        self.wants_reports = bool(provide_feedback)
        choices = choose_fields(
            alias,
            provide_feedback=provide_feedback,
            content_retention=content_retention,
            address_retention=address_retention,
        )
        texts = Texts(
            alias=alias,
            messaging_service_sid=messaging_service_sid,
            from_number=from_number,
            senders=senders,
            choices={
                **choices,
                **choose_fields(alias, risk_check=risk_check, smart_encoded=smart_encoded),
            },
        )
        whatsapp = WhatsApp(
            alias=alias,
            whatsapp_from=whatsapp_from,
            content_sid=content_sid,
            content_variables=content_variables,
            choices=choices,
        )
        calls = Calls(alias=alias, voice_from=voice_from, ring_timeout=ring_timeout)
        senders_by_channel: dict[str, Texts | WhatsApp | Calls] = {
            SMS: texts,
            WHATSAPP: whatsapp,
            VOICE: calls,
        }
        self._senders = {
            channel: sender for channel, sender in senders_by_channel.items() if sender.is_on
        }
        if not self._senders:
            raise InvalidBackend(
                "give a sender: 'messaging_service_sid' or 'from_number', 'whatsapp_from', "
                "'voice_from'.",
                alias=alias,
            )
        self.channels = frozenset(self._senders)

    @sensitive_variables("fields")
    def send(self, message: SMSMessage) -> SendResult:
        """Create a message, or a call."""
        sender = self._senders.get(message.channel)
        if sender is None:
            raise NotDelivered(
                f"There is no sender for the channel {message.channel!r}.",
                error_code="no-sender",
                needs_attention=True,
            )
        fields = {**sender.build_fields(message), **self._status_callback(message)}
        return self._ask(lambda: self._create(message.channel, fields))

    def report_redeemed(self, message_id: str) -> None:
        """Tell Twilio that a message has done its work. It takes no such reports of calls."""
        if _is_message_id(message_id):
            feedback = self._client.messages(message_id).feedback
            self._ask(lambda: feedback.create(outcome="confirmed"))

    @sensitive_variables("fields")
    def _create(self, channel: str, fields: dict[str, Any]) -> SendResult:
        resource = self._client.calls if channel == VOICE else self._client.messages
        created = resource.create(**fields)
        if created.status in FAILED:
            raise delivery_error(400, getattr(created, "error_code", None))
        if not (isinstance(created.sid, str) and is_name(created.sid)):
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=created.sid)

    def _status_callback(self, message: SMSMessage) -> dict[str, str]:
        address = self.receipt_url()
        if address is None:
            return {}
        # If the answer is lost, no message id is known. So the receipt has to name the request.
        query = urlencode({"request_id": message.request_id, "send_count": message.send_count})
        return {"status_callback": f"{address}?{query}{CALL_AGAIN}"}


def _is_message_id(message_id: str) -> bool:
    # It becomes a part of a path.
    return message_id.startswith(("SM", "MM")) and is_name(message_id)
