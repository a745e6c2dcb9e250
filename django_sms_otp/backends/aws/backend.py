"""Sends by AWS End User Messaging, through Amazon's own SDK (extra ``aws``).

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendTextMessage.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...conf.validators import SMS, VOICE, positive_number
from ...exceptions import DeliveryError, DeliveryUnknown, InvalidBackend, NotDelivered
from ...logs import translate_errors
from ..base import BaseSMSBackend, SendResult, SMSMessage
from ..transport.deadline import socket_timeouts, within
from ..transport.quiet_logging import suppress_logs
from .errors import delivery_error
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
                needs_attention=True,
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
        text, voice = compose_ssml(message.code or "", message.language)
        fields |= {"MessageBody": text, "MessageBodyTextType": "SSML", "VoiceId": voice}
        fields |= self._call_fields
        return self._ask(self._client.send_voice_message, fields)

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
    never_asked = (
        exceptions.CredentialRetrievalError,
        exceptions.NoCredentialsError,
        exceptions.NoRegionError,
        exceptions.ParamValidationError,
        exceptions.PartialCredentialsError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
    )
    never_connected = (
        exceptions.ConnectTimeoutError,
        exceptions.EndpointConnectionError,
        exceptions.ProxyConnectionError,
    )
    name = type(error).__name__
    if isinstance(error, never_asked):
        return NotDelivered(
            f"boto3 did not ask AWS ({name}).", error_code=name, needs_attention=True
        )
    if isinstance(error, never_connected) or _is_bad_certificate(error):
        return NotDelivered(f"AWS cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"AWS did not answer ({name}).", error_code=name)


def _is_bad_certificate(error: Exception) -> bool:
    # Other errors of TLS may come while boto3 reads the answer: the message is on its way then.
    from ssl import SSLCertVerificationError

    cause = getattr(error, "kwargs", {}).get("error")
    return any(
        isinstance(each, SSLCertVerificationError)
        for each in (cause, *getattr(cause, "args", ()))
    )
