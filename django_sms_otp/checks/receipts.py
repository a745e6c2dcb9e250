"""Checks of delivery receipts: whether they can come, and can be believed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Tags, Warning
from django.urls import NoReverseMatch, reverse

from ..backends import get_backend
from ..conf import backend_aliases, get_settings
from ..exceptions import InvalidSettings
from .base import register, with_valid_settings


@register(Tags.security, deploy=True)
@with_valid_settings
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    aliases = [alias for alias, token in _twilio_tokens() if token]
    public_url = get_settings().PUBLIC_URL
    if not aliases or (public_url and urlsplit(public_url).scheme == "https"):
        return []
    problem = (
        f"SMS_OTP['PUBLIC_URL'] is {public_url!r}: receipts would cross the net in the clear."
        if public_url
        else "SMS_OTP['PUBLIC_URL'] is not set: no receipt tells whether messages arrive."
    )
    return [
        Warning(
            f"{problem} This concerns {_listed(aliases)}.",
            hint='Set it to where Twilio reaches the site, such as "https://example.com".',
            id="sms_otp.W014",
        )
    ]


@register(Tags.security)
@with_valid_settings
def check_webhooks(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().PUBLIC_URL is None:
        return []
    backends = _twilio_tokens()
    unsigned = [alias for alias, token in backends if not token]
    if unsigned:
        problem = f"no receipt of {_listed(unsigned)} can be verified without 'auth_token'."
        hint = "Add the account's auth token to OPTIONS. Twilio signs with it, not by API key."
    elif backends and not _is_routed(backends[0][0]):
        problem = "no route leads to the webhook 'sms_otp:twilio-webhook'."
        hint = 'Include "django_sms_otp.urls" in ROOT_URLCONF.'
    else:
        return []
    return [
        Warning(f"SMS_OTP['PUBLIC_URL'] is set, but {problem}", hint=hint, id="sms_otp.W015")
    ]


def _twilio_tokens() -> list[tuple[str, str]]:
    """Return the backends whose receipts Twilio signs, with what it signs them."""
    found = []
    try:
        aliases = backend_aliases()
    except InvalidSettings:
        return []  # E002 says so.
    for alias in aliases:
        try:
            token = getattr(get_backend(alias), "auth_token", None)
        except InvalidSettings:
            continue  # E002 says so.
        if token is not None:
            found.append((alias, token))
    return found


def _is_routed(alias: str) -> bool:
    try:
        reverse("sms_otp:twilio-webhook", args=[alias])
    except NoReverseMatch:
        return False
    return True


def _listed(aliases: list[str]) -> str:
    return ", ".join(f"SMS_OTP_BACKENDS[{alias!r}]" for alias in aliases)
