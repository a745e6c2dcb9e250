"""The client of an HTTP request: its address, and the name of its device."""

from __future__ import annotations

import logging
import re
import secrets
import time
from functools import lru_cache

from django.http import HttpRequest, HttpResponse

from .conf import get_settings
from .limits.addresses import client_address
from .logs import log_fields

__all__ = ["device_of", "ip_address_of", "new_device", "remember_device"]

logger = logging.getLogger("django_sms_otp")

DEVICE_BYTES = 16
DEVICE = re.compile(r"[\w-]{22}", re.ASCII)
DEVICE_AGE = 400 * 24 * 3600
"""Seconds. Browsers keep a cookie for 400 days at most."""


def ip_address_of(request: HttpRequest) -> str | None:
    """Return the address of the client.

    ``None`` means that it is unknown: no limit by address holds for this request.
    """
    address = client_address(
        request.META.get("REMOTE_ADDR") or "",
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted_proxies=get_settings().TRUSTED_PROXY_COUNT,
    )
    if address is None:
        _log_unknown_address(int(time.time() // 3600))
    return str(address) if address else None


def device_of(request: HttpRequest) -> str | None:
    """Return the name that :func:`remember_device` gave to this device."""
    name = get_settings().DEVICE_COOKIE
    value = request.COOKIES.get(name, "") if name else ""
    return value if DEVICE.fullmatch(value) else None


def new_device() -> str | None:
    """Return a name for a new device; ``None`` if the site does not name devices."""
    return secrets.token_urlsafe(DEVICE_BYTES) if get_settings().DEVICE_COOKIE else None


def remember_device(request: HttpRequest, response: HttpResponse, device: str | None) -> None:
    """Have the device send its name with later requests."""
    name = get_settings().DEVICE_COOKIE
    if name and device:
        response.set_cookie(
            name,
            device,
            max_age=DEVICE_AGE,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )


@lru_cache(maxsize=1)
def _log_unknown_address(hour: int) -> None:
    """Log once per hour and process: an attacker must not fill the log."""
    logger.error(
        "The client's address is unknown, so no limit by IP address holds. Requests come from "
        "a proxy: set SMS_OTP['TRUSTED_PROXY_COUNT'] to how many of them there are.",
        extra=log_fields("unknown_address"),
    )
