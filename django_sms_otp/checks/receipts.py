"""Problems of delivery receipts: whether they can arrive, and can be verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from ..backends import BaseSMSBackend, get_backend
from ..conf import backend_aliases, get_settings
from ..exceptions import InvalidSettings
from .base import DEPLOY, Problems, check


@check(
    "sms_otp.W014",
    DEPLOY,
    hint="Set it to the address at which the gateway reaches the site, such as "
    '"https://example.com".',
)
def no_public_url() -> Problems:
    backends = [each for each in _backends_with_receipts() if each.receipt_secret]
    public_url = _address()
    if not backends or (public_url and urlsplit(public_url).scheme == "https"):
        return
    problem = (
        f"SMS_OTP['PUBLIC_URL'] is {public_url!r}: receipts would cross the net in the clear."
        if public_url
        else "SMS_OTP['PUBLIC_URL'] is not set: no receipt tells whether messages arrive."
    )
    yield f"{problem} This concerns {_list(backends)}."


@check(
    "sms_otp.W015",
    hint="Add the secret that the gateway signs receipts with. Twilio's is 'auth_token', "
    "not the API key.",
)
def unsigned_receipts() -> Problems:
    unsigned = [each for each in _backends_with_receipts() if not each.receipt_secret]
    if _address() is not None and unsigned:
        yield (
            f"SMS_OTP['PUBLIC_URL'] is set, but no receipt of {_list(unsigned)} can be "
            "verified: there is no secret."
        )


@check(
    "sms_otp.W015",
    hint='Include "django_sms_otp.urls" in ROOT_URLCONF. If the path has values of its own, '
    "such as <slug:shop>, set SMS_OTP['RECEIPTS_URL'].",
)
def no_route_to_the_webhook() -> Problems:
    signed = [each for each in _backends_with_receipts() if each.receipt_secret]
    settings = get_settings()
    if settings.PUBLIC_URL is None or settings.RECEIPTS_URL is not None:
        return
    if signed and signed[0].receipt_url() is None:
        yield (
            "SMS_OTP['PUBLIC_URL'] is set, but no route leads to the webhook 'sms_otp:webhook'."
        )


def _address() -> str | None:
    """Return the address of receipts. A function tells it for each tenant: it counts as TLS."""
    settings = get_settings()
    if (address := settings.RECEIPTS_URL) is None:
        return settings.PUBLIC_URL
    return address if "://" in address else "https://"


def _backends_with_receipts() -> Iterator[BaseSMSBackend]:
    for alias in backend_aliases():
        with suppress(InvalidSettings):  # E002 reports it.
            backend = get_backend(alias)
            if backend.receipt_view:
                yield backend


def _list(backends: Sequence[BaseSMSBackend]) -> str:
    return ", ".join(f"SMS_OTP_BACKENDS[{each.alias!r}]" for each in backends)
