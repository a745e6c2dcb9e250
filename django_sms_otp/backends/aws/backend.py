"""Sends by AWS End User Messaging, through Amazon's own SDK (extra ``aws``).

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendTextMessage.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...conf.choices import SMS, VOICE
from ...conf.validators import positive_number
from ...exceptions import Cause, DeliveryError, DeliveryUnknown, InvalidBackend, NotDelivered
from ...logs import translate_errors
from ..base import BaseSMSBackend, SendResult, SMSMessage
from ..faults import Fault
from ..transport.connecting import never_connected
from ..transport.deadline import socket_timeouts, within
from ..transport.quiet_logging import suppress_logs
from .errors import FAULTS, VoiceRefused, delivery_error
from .voice import compose_ssml

if TYPE_CHECKING:
    from botocore.client import BaseClient

SERVICE = "pinpoint-sms-voice-v2"
LOGGERS = ("boto3", "botocore", "urllib3")
SHORTEST_LIFE, LONGEST_LIFE = 5, 259_200
"""Seconds that AWS takes for TimeToLive."""


class SMSBackend(BaseSMSBackend):
    """Send by AWS. Credentials are found as boto3 finds them.

    :param region: ``"eu-central-1"``; by default the one that boto3 finds.
    :param origination_identity: number, sender id or pool that sends. Calls need it. For an SMS
        AWS picks one.
    :param configuration_set: the name of the set that records the fate of messages.
    :param max_price: dollars that a segment of an SMS may cost: ``"0.05"``.
    :param max_price_per_minute: dollars that a minute of a call may cost.
    :param timeout: seconds within which the site has answered, whatever AWS does.
    :param endpoint_url: an address in place of Amazon's.
    """

    def __init__(
        self,
        *,
        alias: str,
        region: str | None = None,
        origination_identity: str = "",
        configuration_set: str = "",
        max_price: str = "",
        max_price_per_minute: str = "",
        timeout: float = 10.0,
        endpoint_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        self._expect("timeout", positive_number(timeout))
        if origination_identity:
            self.channels = frozenset({SMS, VOICE})
        shared = {
            "OriginationIdentity": origination_identity,
            "ConfigurationSetName": configuration_set,
        }
        self._text_fields = _given({**shared, "MaxPrice": max_price})
        self._call_fields = _given({**shared, "MaxPricePerMinute": max_price_per_minute})
        self._timeout = timeout
        self._client = _make_client(alias, region, endpoint_url, timeout)

    def send(self, message: SMSMessage) -> SendResult:
        if message.channel not in self.channels:
            raise NotDelivered(
                f"AWS does not send by {message.channel!r}; calls need the option "
                "'origination_identity'.",
                error_code="channel",
                cause=Cause.ACCOUNT,
            )
        fields: dict[str, Any] = {
            "DestinationPhoneNumber": message.to,
            "TimeToLive": _time_to_live(message.valid_for),
            # The configuration set records it: so a message is found again after a time-out.
            "Context": {"request_id": str(message.request_id)},
        }
        if message.channel == SMS:
            fields |= {"MessageBody": message.body, "MessageType": "TRANSACTIONAL"}
            fields |= self._text_fields
            return self._ask(self._client.send_text_message, fields)
        try:
            return self._call(message, fields, message.language)
        except VoiceRefused:
            return self._call(message, fields, "en")

    def close(self) -> None:
        self._client.close()

    def fault_of(self, error_code: str) -> Fault | None:
        return FAULTS.get(error_code) or super().fault_of(error_code)

    def _call(self, message: SMSMessage, fields: dict[str, Any], language: str) -> SendResult:
        text, voice = compose_ssml(message.code or "", language)
        words = {"MessageBody": text, "MessageBodyTextType": "SSML", "VoiceId": voice}
        return self._ask(
            self._client.send_voice_message, {**fields, **words, **self._call_fields}
        )

    def _ask(self, call: Callable[..., dict[str, Any]], fields: dict[str, Any]) -> SendResult:
        with suppress_logs(*LOGGERS):
            return within(self._timeout, lambda: _send(call, fields), gateway=self.alias)


def _given(fields: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _time_to_live(valid_for: timedelta) -> int:
    # The default is three days: a queued message would arrive with a dead code.
    return max(SHORTEST_LIFE, min(int(valid_for.total_seconds()), LONGEST_LIFE))


def _make_client(
    alias: str, region: str | None, endpoint_url: str | None, timeout: float
) -> BaseClient:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise InvalidBackend(
            "Amazon's SDK is missing: pip install 'django-sms-otp[aws]'.", alias=alias
        ) from error
    connect_timeout, read_timeout = socket_timeouts(timeout)
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        # A second try after a time-out would be a second message.
        retries={"total_max_attempts": 1},
    )
    try:
        # A session of its own: threads must not share the default one.
        client: BaseClient = boto3.session.Session().client(
            SERVICE, region_name=region, endpoint_url=endpoint_url, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise InvalidBackend(f"boto3 makes no client: {error}", alias=alias) from error
    return client


def _send(call: Callable[..., dict[str, Any]], fields: dict[str, Any]) -> SendResult:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    unreadable = (ResponseParserError, AttributeError, TypeError, ValueError, RecursionError)
    message_id = translate_errors(
        lambda: call(**fields).get("MessageId"),
        _translate,
        foreign=(ClientError, BotoCoreError, *unreadable),
    )
    if not message_id:
        raise DeliveryUnknown("Amazon's answer names no message.", error_code="no-id")
    return SendResult(message_id=str(message_id))


def _translate(error: Exception) -> DeliveryError:
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return delivery_error(error.response)
    if not isinstance(error, exceptions.BotoCoreError):
        return DeliveryUnknown("Amazon's answer cannot be read.", error_code="unreadable")
    name = type(error).__name__
    names = [each.__name__ for each in type(error).__mro__]
    if fault := next((FAULTS[each] for each in names if each in FAULTS), None):
        return fault.error("boto3 did not ask AWS", name)
    if never_connected(error):
        return NotDelivered(f"AWS cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"AWS did not answer ({name}).", error_code=name)
