"""Hands messages to a service of the site: a signed POST of JSON."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..conf.choices import CHANNELS, SMS
from ..conf.validators import positive_number
from ..exceptions import DeliveryError, DeliveryUnknown
from ..masked import MaskedBytes, MaskedText
from . import faults
from .base import BaseSMSBackend, SendResult, SMSMessage
from .faults import fault_of_status
from .transport import Answer, post

SIGNATURE_HEADER = "SMS-OTP-Signature"
SHORTEST_SECRET = 32
"""Characters: ``secrets.token_urlsafe(32)`` gives 43."""

DEFAULT_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)

REFUSALS = {
    "invalid_phone_number": faults.INVALID_NUMBER,
    "phone_number_not_sms_capable": faults.LANDLINE,
    "region_not_supported": faults.REGION_EXCLUDED,
    "recipient_opted_out": faults.OPTED_OUT,
}
OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "transfer-encoding",
        SIGNATURE_HEADER.lower(),
    }
)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class SMSBackend(BaseSMSBackend):
    """Post each message to a service of the site.

    :param url: the service; ``https://``, but for this machine.
    :param secret: the secret that signs requests; several while you change it.
    :param timeout: seconds within which the site has answered, whatever the service does.
    :param headers: further header lines, such as ``Authorization``.
    :param channels: the channels that the service can send by.
    """

    def __init__(
        self,
        *,
        alias: str,
        url: str = "",
        secret: str | Sequence[str] = "",
        timeout: float = 10.0,
        headers: Mapping[str, str] | None = None,
        channels: Collection[str] = (SMS,),
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        secrets = [secret] if isinstance(secret, str) else list(secret)
        self._expect("url", _problem_of_url(url))
        self._expect("secret", _problem_of_secrets(secrets))
        self._expect("timeout", positive_number(timeout))
        self._expect("headers", _problem_of_headers(headers or {}))
        if isinstance(channels, str) or not channels or not set(channels) <= set(CHANNELS):
            self._expect("channels", f"must list some of {CHANNELS}")
        self._url, self._timeout = url, timeout
        # They may hold the password of the service.
        self._headers = {name: MaskedText(value) for name, value in (headers or {}).items()}
        self._secrets = [each.encode() for each in secrets]
        self.channels = frozenset(channels)

    def send(self, message: SMSMessage) -> SendResult:
        body = _payload(message)
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Idempotency-Key": f"{message.request_id}-{message.send_count}",
            SIGNATURE_HEADER: self._signature(body, int(time.time())),
        }
        answer = post(self._url, body, headers, timeout=self._timeout)
        if 200 <= answer.status < 300:
            return SendResult(message_id=_message_id(answer))
        raise _delivery_error(answer)

    def _signature(self, body: bytes, timestamp: int) -> str:
        signed = b"%d.%b" % (timestamp, body)
        digests = [hmac.new(key, signed, hashlib.sha256).hexdigest() for key in self._secrets]
        return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


def _problem_of_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        return "is no URL"
    if not is_complete or re.search(r"[^\x21-\x7e]", url):
        return "must be an https:// URL in ASCII"
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
        return "must start with https://: it carries codes and numbers"
    if "@" in parts.netloc or parts.fragment:
        return "must hold neither a password nor a fragment; use 'headers'"
    return None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problem_of_secrets(secrets: Sequence[str]) -> str | None:
    if not secrets:
        return "is missing"
    if all(isinstance(each, str) and len(each) >= SHORTEST_SECRET for each in secrets):
        return None
    return f"must have at least {SHORTEST_SECRET} characters"


def _problem_of_headers(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(str(name)) or not HEADER_VALUE.fullmatch(str(value)):
            return f"must not have {name!r}: it is no header line"
        if name.lower() in OURS:
            return f"must not set {name!r}"
    return None


def _payload(message: SMSMessage) -> bytes:
    fields = {
        "to": message.to,
        "body": message.body,
        "code": message.code,
        "purpose": message.purpose,
        "request_id": str(message.request_id),
        "send_count": message.send_count,
        "valid_for": max(0, int(message.valid_for.total_seconds())),
        "channel": message.channel,
        "language": message.language,
        "region": message.region,
    }
    return MaskedBytes(json.dumps(fields, separators=(",", ":")).encode())


def _message_id(answer: Answer) -> str:
    if answer.body == b"":
        return ""
    fields = _object(answer)
    message_id = "" if fields is None else fields.get("message_id", "")
    if fields is None or not isinstance(message_id, str):
        raise DeliveryUnknown(
            "The webhook's answer is no JSON object with a text as its 'message_id'.",
            error_code="unreadable",
        )
    return message_id


def _delivery_error(answer: Answer) -> DeliveryError:
    status, error_code = answer.status, str(answer.status)
    fields = _object(answer) or {}
    if status == 422 and (refusal := REFUSALS.get(str(fields.get("code")))):
        return refusal.error("The webhook", error_code)
    if status == 409:  # It knows the Idempotency-Key, so it may have sent the message.
        return DeliveryUnknown(
            "The service knows this message already (409).", error_code=error_code
        )
    wait = _retry_after(answer.headers) if status == 429 else DEFAULT_RETRY
    is_sure = 400 <= status < 500
    return fault_of_status(status).error("The webhook", error_code, is_sure=is_sure, wait=wait)


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        fields = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    """Read seconds, or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,6}", value):
        wait = timedelta(seconds=int(value))
    else:
        try:
            wait = parsedate_to_datetime(value) - datetime.now(UTC)
        except (ValueError, TypeError):
            return DEFAULT_RETRY
    return min(max(wait, timedelta(seconds=1)), LONGEST_RETRY)
