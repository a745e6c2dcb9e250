"""Sends by Twilio's Messages resource, through Twilio's own SDK (extra ``twilio``).

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import random
import time
from datetime import timedelta
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Any

from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from .base import BaseSMSBackend, SendResult, SMSMessage

if TYPE_CHECKING:
    from twilio.rest import Client

DEFAULT_TIMEOUT = 10.0

LONGEST_VALIDITY = 36_000
"""Most seconds that Twilio takes for ValidityPeriod."""

RATE_RETRIES = 2
RATE_RETRY_BASE = 0.1
"""A 429 was never processed, so trying again is safe: after 0.1 s, then 0.2 s, with jitter."""

# https://www.twilio.com/docs/api/errors. Twilio splits codes over time: what is not listed is
# told by its class (an unknown 4xx was not sent, an unknown 5xx may have been).
REFUSED = {
    21211: "invalid_phone_number",  # invalid To
    21266: "invalid_phone_number",  # To and From are the same
    21614: "phone_number_not_sms_capable",  # not a mobile number
    21635: "phone_number_not_sms_capable",  # a landline
    30006: "phone_number_not_sms_capable",  # landline or unreachable carrier
    21408: "region_not_supported",  # region not enabled
    60605: "region_not_supported",
    21610: "recipient_opted_out",  # STOP
}
BLOCKED_AS_FRAUD = frozenset({30450, 30453})
NEEDS_ATTENTION = frozenset(
    {
        401,  # what the SDK reports where the answer has no code of Twilio's
        403,
        404,
        20003,  # credentials
        20404,
        21212,  # From: invalid
        21408,  # region not enabled, though the site allows it
        60605,
        21601,  # From: cannot send SMS
        21606,
        21608,  # trial account, number not verified
        21624,  # validity period
        21659,  # From: not of this account
        30002,  # account suspended
        30029,  # content retention not available
        30030,  # address retention not available
        30034,  # 10DLC not registered
    }
)


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
        if not str(account_sid).startswith("AC"):
            raise InvalidBackend(
                "option 'account_sid' must be an Account SID, AC...", alias=alias
            )
        has_key = bool(api_key_sid and api_key_secret)
        if bool(auth_token) == has_key or bool(api_key_sid) != bool(api_key_secret):
            raise InvalidBackend(
                "give either 'auth_token', or 'api_key_sid' and 'api_key_secret'.", alias=alias
            )
        if bool(messaging_service_sid) == bool(from_number):
            raise InvalidBackend(
                "give either 'messaging_service_sid' or 'from_number'.", alias=alias
            )
        if not (isinstance(timeout, int | float) and timeout > 0):
            raise InvalidBackend("option 'timeout' must be a positive number.", alias=alias)
        if region and not edge:
            raise InvalidBackend("option 'region' needs 'edge' too.", alias=alias)
        if base_url and (region or edge):
            raise InvalidBackend("'base_url' excludes 'region' and 'edge'.", alias=alias)
        self._sender = (
            {"messaging_service_sid": messaging_service_sid}
            if messaging_service_sid
            else {"from_": from_number}
        )
        self._client = _client(
            alias,
            base_url=base_url,
            timeout=timeout,
            username=api_key_sid or account_sid,
            password=api_key_secret or auth_token,
            account_sid=account_sid,
            region=region,
            edge=edge,
        )

    def send(self, message: SMSMessage) -> SendResult:
        """Create the message. Without an idempotency key, only a 429 may be tried again."""
        for tries in range(RATE_RETRIES):
            try:
                return self._create(message)
            except _RateLimited:
                time.sleep(RATE_RETRY_BASE * 2**tries * random.uniform(0.5, 1.5))  # noqa: S311
        return self._create(message)

    def _create(self, message: SMSMessage) -> SendResult:
        # Imported here, as in _client: the SDK is 50 MB, and most sites run other commands too.
        from requests import RequestException
        from twilio.base.exceptions import TwilioRestException, TwilioServiceException

        failure: DeliveryError
        try:
            created = self._client.messages.create(
                to=message.to,
                body=message.body,
                validity_period=_validity_period(message.valid_for),
                **self._sender,
            )
        except (TwilioRestException, TwilioServiceException) as error:
            failure = _error(error.status, error.code)
        except RequestException as error:
            failure = _transport_error(error)
        except (ValueError, TypeError, AttributeError):
            failure = DeliveryUnknown(
                "Twilio's answer cannot be read.", error_code="unreadable"
            )
        else:
            if created.status in {"failed", "undelivered"}:
                raise _error(400, created.error_code)
            if not created.sid:
                raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
            return SendResult(message_id=created.sid)
        # Raised out here, the error has no context: the SDK's own holds the number and more.
        raise failure


class _RateLimited(NotDelivered):
    """Answered by 429: not processed."""


def _client(
    alias: str, *, base_url: str | None, timeout: float, **credentials: str | None
) -> Client:
    try:
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client
    except ImportError as error:
        raise InvalidBackend(
            "Twilio's SDK is missing: pip install 'django-sms-otp[twilio]'.", alias=alias
        ) from error
    client = Client(
        **credentials,
        http_client=TwilioHttpClient(timeout=timeout),
        # Not empty, or the SDK would read TWILIO_REGION and TWILIO_EDGE behind our back.
        environment={"TWILIO_REGION": ""},
    )
    if base_url:
        client.api.base_url = base_url
    return client


def _validity_period(valid_for: timedelta) -> int:
    # Twilio's default is ten hours: a queued message would arrive with a dead code.
    return max(1, min(int(valid_for.total_seconds()), LONGEST_VALIDITY))


def _error(status: int, code: int | None) -> DeliveryError:
    """Map an answer to the error that says whether, and why, nothing was sent."""
    error_code = str(code or status)
    if status == 429 or code == 20429:
        return _RateLimited(
            "Twilio takes no more requests now.",
            error_code=error_code,
            retry_after=timedelta(seconds=5),
        )
    if code in BLOCKED_AS_FRAUD:
        return DeliveryBlocked("Twilio blocked it as fraud.", error_code=error_code)
    if code in REFUSED:
        return DeliveryRefused(
            f"Twilio refused the number ({code}).",
            code=REFUSED[code],
            error_code=error_code,
            needs_attention=code in NEEDS_ATTENTION,
        )
    if 400 <= status < 500:
        return NotDelivered(
            f"Twilio refused the message ({error_code}).",
            error_code=error_code,
            needs_attention=code in NEEDS_ATTENTION,
        )
    return DeliveryUnknown(f"Twilio failed ({error_code}).", error_code=error_code)


def _transport_error(error: Exception) -> DeliveryError:
    """Tell "never connected" from "connected, and then nobody knows"."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    name = type(reason or error).__name__
    if _never_connected(error, reason):
        return NotDelivered(f"Twilio cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"Twilio did not answer ({name}).", error_code=name)


def _never_connected(error: Exception, reason: Exception | None) -> bool:
    from requests import ConnectTimeout
    from requests.exceptions import InvalidURL
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, ConnectTimeout | InvalidURL):
        return True
    # A proxy that cannot be reached, and a certificate that is not Twilio's, are wrapped. Other
    # errors of TLS may come while the answer is read, when the message is on its way.
    causes = (reason, getattr(reason, "original_error", None), *getattr(reason, "args", ()))
    return any(
        isinstance(cause, NewConnectionError | SSLCertVerificationError) for cause in causes
    )
