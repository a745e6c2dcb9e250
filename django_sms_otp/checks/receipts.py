"""Problems of delivery receipts: whether they can arrive, and can be verified."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.urls import NoReverseMatch, reverse

from ..backends import get_backend
from ..conf import backend_aliases, get_settings
from ..exceptions import InvalidSettings
from .base import DEPLOY, Problems, check


@check(
    "sms_otp.W014",
    DEPLOY,
    hint='Set it to where Twilio reaches the site, such as "https://example.com".',
)
def no_public_url() -> Problems:
    aliases = [alias for alias, token in _twilio_tokens() if token]
    public_url = get_settings().PUBLIC_URL
    if not aliases or (public_url and urlsplit(public_url).scheme == "https"):
        return
    problem = (
        f"SMS_OTP['PUBLIC_URL'] is {public_url!r}: receipts would cross the net in the clear."
        if public_url
        else "SMS_OTP['PUBLIC_URL'] is not set: no receipt tells whether messages arrive."
    )
    yield f"{problem} This concerns {_listed(aliases)}."


@check(
    "sms_otp.W015",
    hint="Add the account's auth token to OPTIONS: Twilio signs with it, not with an API key.",
)
def unsigned_receipts() -> Problems:
    unsigned = [alias for alias, token in _twilio_tokens() if not token]
    if get_settings().PUBLIC_URL is not None and unsigned:
        yield (
            f"SMS_OTP['PUBLIC_URL'] is set, but no receipt of {_listed(unsigned)} can be "
            "verified without 'auth_token'."
        )


@check("sms_otp.W015", hint='Include "django_sms_otp.urls" in ROOT_URLCONF.')
def no_route_to_the_webhook() -> Problems:
    signed = [alias for alias, token in _twilio_tokens() if token]
    if get_settings().PUBLIC_URL is not None and signed and not _is_routed(signed[0]):
        yield (
            "SMS_OTP['PUBLIC_URL'] is set, but no route leads to the webhook "
            "'sms_otp:twilio-webhook'."
        )


def _twilio_tokens() -> list[tuple[str, str]]:
    """Return the aliases whose receipts Twilio signs, each with the token for it."""
    found = []
    for alias in backend_aliases():
        try:
            token = getattr(get_backend(alias), "auth_token", None)
        except InvalidSettings:
            continue  # E002 reports it.
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
