"""Twilio's status callbacks, for messages and for calls.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import logging
import re
import uuid
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, QueryDict

from ..backends import BaseSMSBackend
from ..backends.twilio.error_codes import fault_of_twilio
from ..backends.twilio.validators import is_name
from ..models import DeliveryState
from .base import ReceiptView, called_url, log_hourly
from .receipts import Receipt

__all__ = ["TwilioView"]

WORDS = {
    DeliveryState.SENT: "accepted queued sending sent initiated ringing in-progress answered",
    DeliveryState.DELIVERED: "delivered read completed",
    DeliveryState.UNDELIVERED: "undelivered failed busy no-answer canceled",
}
STATUSES = {word: state for state, words in WORDS.items() for word in words.split()}
"""Those of messages and of calls. Others do not tell whether a code arrives, or are new."""

SEND_COUNT = re.compile(r"[0-9]{1,4}")
ERROR_CODE = re.compile(r"[0-9]{1,10}")


class TwilioView(ReceiptView):
    """Takes a callback that Twilio has signed with the account's auth token."""

    def read(
        self, request: HttpRequest, body: bytes, backend: BaseSMSBackend
    ) -> Receipt | HttpResponse | None:
        url = called_url(request, backend)
        if not (backend.receipt_secret and url):
            log_hourly(
                logging.ERROR,
                "Receipts of backend %r cannot be verified and are refused: set "
                "SMS_OTP['PUBLIC_URL'], and 'auth_token' in the backend's OPTIONS.",
                backend.alias,
            )
            return HttpResponse(status=403)
        form = QueryDict(body, encoding="utf-8")
        signature = request.headers.get("X-Twilio-Signature", "")
        if not _is_signed(backend.receipt_secret, url, form, signature):
            log_hourly(
                logging.WARNING,
                "A receipt of backend %r has no valid signature. If it is Twilio's, "
                "SMS_OTP['PUBLIC_URL'] or the backend's 'auth_token' is wrong.",
                backend.alias,
            )
            return HttpResponse(status=403)
        return _receipt(request.GET, form, backend.alias)


def _is_signed(token: str, url: str, form: QueryDict, signature: str) -> bool:
    """Verify a signature, in constant time."""
    from twilio.request_validator import RequestValidator

    return bool(RequestValidator(token).validate(url, form, signature))


def _receipt(query: QueryDict, form: QueryDict, alias: str) -> Receipt | None:
    """Return the receipt in a callback; ``None``: it is not for one of our messages."""
    word = form.get("MessageStatus") or form.get("CallStatus")
    message_id = form.get("MessageSid") or form.get("CallSid") or ""
    send_count = query.get("send_count", "")
    request_id = _uuid(query.get("request_id", ""))
    if request_id is None or not SEND_COUNT.fullmatch(send_count):
        return None
    if word not in STATUSES or not is_name(message_id):
        return None
    status, error_code = STATUSES[word], ""
    if status == DeliveryState.UNDELIVERED:
        given = form.get("ErrorCode", "")
        error_code = given if ERROR_CODE.fullmatch(given) else word
    fault = fault_of_twilio(error_code)
    return Receipt(
        request_id=request_id,
        send_count=int(send_count),
        alias=alias,
        status=status,
        message_id=message_id,
        error_code=error_code,
        needs_attention=fault is not None and fault.needs_attention,
        is_fraud=fault is not None and fault.is_fraud,
        at=_time(form.get("RawDlrDoneDate", "")),
        raw=form.dict(),
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    """Read ``YYMMDDhhmm``. UTC is a guess: Twilio does not name the carrier's time zone."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
