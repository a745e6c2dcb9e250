"""Sends by Twilio's Messages resource, through Twilio's own SDK (extra ``twilio``).

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..exceptions import DeliveryUnknown, InvalidBackend
from .base import BaseSMSBackend, SendResult, SMSMessage
from .twilio_api import DEFAULT_TIMEOUT, ask, error_of, make_client
from .twilio_hints import explain

LONGEST_VALIDITY = 36_000
"""Most seconds that Twilio takes for ValidityPeriod."""


class SMSBackend(BaseSMSBackend):
    """Send by Twilio.

    :param account_sid: ``AC...``.
    :param auth_token: the account's; or else the pair that follows.
    :param api_key_sid: ``SK...``; preferred, since it can be revoked alone.
    :param api_key_secret: of the API key.
    :param messaging_service_sid: ``MG...``; or else the number that follows.
    :param from_number: sender in E.164, a short code or an alphanumeric sender id.
    :param timeout: seconds to wait for Twilio to connect, and again to answer. The SDK's own
        default is to wait for ever.
    :param region: ``"ie1"`` and the like; only together with ``edge``.
    :param edge: ``"dublin"`` and the like.
    :param base_url: in place of ``https://api.twilio.com``: an emulator or a gateway.
    """

    def __init__(
        self,
        *,
        alias: str,
        account_sid: str = "",
        auth_token: str = "",
        api_key_sid: str = "",
        api_key_secret: str = "",
        messaging_service_sid: str = "",
        from_number: str = "",
        timeout: float = DEFAULT_TIMEOUT,
        region: str | None = None,
        edge: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        if bool(messaging_service_sid) == bool(from_number):
            raise InvalidBackend(
                "give either 'messaging_service_sid' or 'from_number'.", alias=alias
            )
        if base_url and (region or edge):
            raise InvalidBackend("'base_url' excludes 'region' and 'edge'.", alias=alias)
        self._sender = (
            {"messaging_service_sid": messaging_service_sid}
            if messaging_service_sid
            else {"from_": from_number}
        )
        self._client = make_client(
            alias=alias,
            account_sid=account_sid,
            auth_token=auth_token,
            api_key_sid=api_key_sid,
            api_key_secret=api_key_secret,
            timeout=timeout,
            region=region,
            edge=edge,
        )
        if base_url:
            self._client.api.base_url = base_url

    def send(self, message: SMSMessage) -> SendResult:
        """Create the message."""
        return ask(lambda: self._create(message))

    def explain(self, error_code: str) -> str:
        return explain(error_code)

    def _create(self, message: SMSMessage) -> SendResult:
        created = self._client.messages.create(
            to=message.to,
            body=message.body,
            validity_period=_validity_period(message.valid_for),
            **self._sender,
        )
        if created.status in {"failed", "undelivered"}:
            raise error_of(400, created.error_code)
        if not created.sid:
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=created.sid)


def _validity_period(valid_for: timedelta) -> int:
    # Twilio's default is ten hours: a queued message would arrive with a dead code.
    return max(1, min(int(valid_for.total_seconds()), LONGEST_VALIDITY))
