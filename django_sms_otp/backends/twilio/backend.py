"""Sends by Twilio: SMS, WhatsApp and calls, through Twilio's own SDK (extra ``twilio``).

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from ...conf import get_settings
from ...conf.validators import SMS, VOICE, WHATSAPP
from ...exceptions import DeliveryUnknown, InvalidBackend, NotDelivered
from ..base import BaseSMSBackend, SendResult, SMSMessage
from .client import DEFAULT_TIMEOUT, ask, error_of, make_client
from .hints import explain
from .messages import Texts, WhatsApp, choices_of
from .sids import is_name
from .voice import Calls

FAILED = frozenset({"failed", "undelivered", "canceled"})

CALL_AGAIN = "#rc=3&rp=ct,rt,5xx"
"""Has Twilio report again where the site, or a receiver, was down. By itself it does so only
where it cannot connect. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""


class SMSBackend(BaseSMSBackend):
    """Send by Twilio.

    :param account_sid: ``AC...``.
    :param api_key_sid: ``SK...``; preferred, since it can be revoked alone.
    :param api_key_secret: of the API key.
    :param auth_token: the account's; in place of the key, or beside it: Twilio signs its
        status reports with it.
    :param messaging_service_sid: ``MG...``; or else the number that follows.
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
    :param content_variables: what stands in its gaps; ``{code}`` is replaced.
    :param voice_from: number that calls on the channel ``voice``, in E.164.
    :param ring_timeout: seconds that the phone rings.
    :param timeout: seconds within which the site has answered, whatever Twilio does. The SDK's
        own default is to wait for ever.
    :param region: ``"ie1"`` and the like; only together with ``edge``.
    :param edge: ``"dublin"`` and the like.
    :param base_url: in place of ``https://api.twilio.com``: an emulator or a gateway.
    """

    def __init__(
        self,
        *,
        alias: str,
        account_sid: str = "",
        api_key_sid: str = "",
        api_key_secret: str = "",
        auth_token: str = "",
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
        timeout: float = DEFAULT_TIMEOUT,
        region: str | None = None,
        edge: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        self.auth_token = auth_token or ""
        self.wants_reports = bool(provide_feedback)
        choices = choices_of(
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
                **choices_of(alias, risk_check=risk_check, smart_encoded=smart_encoded),
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
        ways: dict[str, Texts | WhatsApp | Calls] = {
            SMS: texts,
            WHATSAPP: whatsapp,
            VOICE: calls,
        }
        self._ways = {channel: way for channel, way in ways.items() if way.is_on}
        if not self._ways:
            raise InvalidBackend(
                "give a sender: 'messaging_service_sid' or 'from_number', 'whatsapp_from', "
                "'voice_from'.",
                alias=alias,
            )
        self.channels = frozenset(self._ways)
        self._client = make_client(
            alias=alias,
            account_sid=account_sid,
            auth_token=auth_token,
            api_key_sid=api_key_sid,
            api_key_secret=api_key_secret,
            timeout=timeout,
            region=region,
            edge=edge,
            base_url=base_url,
        )
        self._timeout = timeout

    @sensitive_variables("fields")
    def send(self, message: SMSMessage) -> SendResult:
        """Create a message, or a call."""
        way = self._ways.get(message.channel)
        if way is None:
            raise NotDelivered(
                f"There is no sender for the channel {message.channel!r}.",
                error_code="no-sender",
                needs_attention=True,
            )
        fields = {**way.fields_of(message), **self._status_callback(message)}
        return ask(lambda: self._create(message.channel, fields), timeout=self._timeout)

    def report_redeemed(self, message_id: str) -> None:
        """Tell Twilio that a message has done its work. It takes no such reports of calls."""
        if _is_message_id(message_id):
            feedback = self._client.messages(message_id).feedback
            ask(lambda: feedback.create(outcome="confirmed"), timeout=self._timeout)

    def explain(self, error_code: str) -> str:
        return explain(error_code)

    @sensitive_variables("fields")
    def _create(self, channel: str, fields: dict[str, Any]) -> SendResult:
        resource = self._client.calls if channel == VOICE else self._client.messages
        created = resource.create(**fields)
        if created.status in FAILED:
            raise error_of(400, getattr(created, "error_code", None))
        if not (isinstance(created.sid, str) and is_name(created.sid)):
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=created.sid)

    def _status_callback(self, message: SMSMessage) -> dict[str, str]:
        public_url = get_settings().PUBLIC_URL
        if public_url is None:
            return {}
        try:
            path = reverse("sms_otp:twilio-webhook", args=[self.alias])
        except NoReverseMatch:
            return {}
        # An answer that got lost names no message: so the report has to name the request.
        query = urlencode({"request_id": message.request_id, "send_count": message.send_count})
        url = f"{public_url.rstrip('/')}{path}?{query}{CALL_AGAIN}"
        return {"status_callback": url}


def _is_message_id(message_id: str) -> bool:
    # It becomes a part of a path.
    return message_id.startswith(("SM", "MM")) and is_name(message_id)
