"""Checks of delivery receipts: whether they can come, and can be verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Tags, Warning

from ..backends import BaseSMSBackend, get_backend
from ..conf import backend_aliases, get_settings
from ..exceptions import InvalidSettings
from .base import register, with_valid_settings


@register(Tags.security, deploy=True)
@with_valid_settings
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    backends = [each for each in _backends_with_receipts() if each.receipt_secret]
    public_url = get_settings().PUBLIC_URL
    if not backends or (public_url and urlsplit(public_url).scheme == "https"):
        return []
    problem = (
        f"SMS_OTP['PUBLIC_URL'] is {public_url!r}: receipts would cross the net in the clear."
        if public_url
        else "SMS_OTP['PUBLIC_URL'] is not set: no receipt tells whether messages arrive."
    )
    return [
        Warning(
            f"{problem} This concerns {_list(backends)}.",
            hint="Set it to the address at which the gateway reaches the site, such as "
            '"https://example.com".',
            id="sms_otp.W014",
        )
    ]


@register(Tags.security)
@with_valid_settings
def check_webhooks(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().PUBLIC_URL is None:
        return []
    backends = _backends_with_receipts()
    unverified = [each for each in backends if not each.receipt_secret]
    if unverified:
        problem = f"no receipt of {_list(unverified)} can be verified: there is no secret."
        hint = (
            "Add the secret that the gateway signs receipts with. For Twilio that is the "
            "account's 'auth_token', not the API key."
        )
    elif backends and backends[0].receipt_url() is None:
        problem = "no route leads to the webhook 'sms_otp:webhook'."
        hint = 'Include "django_sms_otp.urls" in ROOT_URLCONF.'
    else:
        return []
    return [
        Warning(f"SMS_OTP['PUBLIC_URL'] is set, but {problem}", hint=hint, id="sms_otp.W015")
    ]


def _backends_with_receipts() -> list[BaseSMSBackend]:
    try:
        aliases = backend_aliases()
    except InvalidSettings:
        return []  # E002 says so.
    found = []
    for alias in aliases:
        try:
            backend = get_backend(alias)
        except InvalidSettings:
            continue  # E002 says so.
        if backend.receipt_view:
            found.append(backend)
    return found


def _list(backends: Sequence[BaseSMSBackend]) -> str:
    return ", ".join(f"SMS_OTP_BACKENDS[{each.alias!r}]" for each in backends)
