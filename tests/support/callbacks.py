"""Plays Twilio calling back, with signatures made by Twilio's own SDK."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.test import Client
from twilio.request_validator import RequestValidator

from django_sms_otp.models import OTPCode

__all__ = ["FORM", "PUBLIC_URL", "SID", "TOKEN", "Callback", "twilio"]

PUBLIC_URL = "https://login.example"
TOKEN = "the-accounts-auth-token"
SID = "SM" + "a" * 32
FORM = "application/x-www-form-urlencoded"


def twilio(**options: Any) -> dict[str, Any]:
    """Return an entry of ``SMS_OTP_BACKENDS``."""
    known = {"account_sid": "AC" + "0" * 32, "from_number": "+15005550006"}
    return {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {**known, "auth_token": TOKEN, **options},
    }


@dataclass(frozen=True, kw_only=True)
class Callback:
    """What Twilio posts; what stands here otherwise than by default is Twilio's, too."""

    code: OTPCode | uuid.UUID
    status: str = "delivered"
    send_count: object = 1
    alias: str = "default"
    sid: str = SID
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def form(self) -> dict[str, str]:
        known = {
            "MessageSid": self.sid,
            "MessageStatus": self.status,
            "To": "+14155552671",
            "From": "+15005550006",
            "ApiVersion": "2010-04-01",
        }
        return known | dict(self.fields)

    @property
    def body(self) -> str:
        return urlencode(self.form)

    @property
    def path(self) -> str:
        code = self.code.pk if isinstance(self.code, OTPCode) else self.code
        query = f"request_id={code}&send_count={self.send_count}"
        return f"/auth/sms/webhooks/twilio/{self.alias}/?{query}"

    def signature(self, *, token: str = TOKEN, public_url: str = PUBLIC_URL) -> str:
        form = QueryDict(self.body)
        signed = RequestValidator(token).compute_signature(public_url + self.path, form)
        return str(signed)

    def post(self, client: Client | None = None, *, signature: str | None = None) -> int:
        """Post it and return the status of the answer."""
        headers = {"X-Twilio-Signature": self.signature() if signature is None else signature}
        client = client or Client(raise_request_exception=True)
        answer = client.post(self.path, self.body, content_type=FORM, headers=headers)
        return int(answer.status_code)
