"""The client of an HTTP request: its address, its device, and the site whose page it shows."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TypedDict
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse

from .conf import get_settings
from .limits.addresses import client_address
from .logs import log_fields

__all__ = [
    "Client",
    "client_of",
    "device_of",
    "ip_address_of",
    "is_cross_site",
    "new_device",
    "remember_device",
]

logger = logging.getLogger("django_sms_otp")

DEVICE_BYTES = 16
DEVICE = re.compile(r"[\w-]{22}", re.ASCII)
DEVICE_AGE = 400 * 24 * 3600
"""Seconds. Browsers keep a cookie for 400 days at most."""

SAME_SITE = "same-site"

OWN_SITES = frozenset({"same-origin", SAME_SITE, "none"})
"""Values of ``Sec-Fetch-Site`` (W3C, Fetch Metadata): this host, a host of the same domain, and
the person, who typed the address."""

PREFLIGHTED = "application/json"
"""A browser asks the server first (CORS) before it sends such a body to another origin."""

LONGEST_LOGGED = 100


class Client(TypedDict):
    """Who asks, as keyword arguments of the services."""

    ip_address: str | None
    device: str | None


def client_of(request: HttpRequest, *, is_new: bool = False) -> Client:
    """Return the address and the device: ``request_code(number, **client_of(request))``.

    :param is_new: give a device that has no name yet a new one, for :func:`remember_device`.
    """
    device = device_of(request) or (new_device() if is_new else None)
    return Client(ip_address=ip_address_of(request), device=device)


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
    name = _cookie_name(request)
    value = request.COOKIES.get(name, "") if name else ""
    return value if DEVICE.fullmatch(value) else None


def new_device() -> str | None:
    """Return a name for a new device; ``None`` if the site does not name devices."""
    return secrets.token_urlsafe(DEVICE_BYTES) if get_settings().DEVICE_COOKIE else None


def remember_device(request: HttpRequest, response: HttpResponse, device: str | None) -> None:
    """Have the device send its name with later requests."""
    name = _cookie_name(request)
    if name and device:
        response.set_cookie(
            name,
            device,
            max_age=DEVICE_AGE,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )


def _cookie_name(request: HttpRequest) -> str:
    """Return the name of the cookie; empty if the site names no devices.

    A browser takes a cookie whose name begins with ``__Host-`` from this host alone (RFC
    6265bis, 4.1.3.2). Any host of the same domain could plant another one, and its owner would
    be a known caller of whoever logs in with it. The prefix needs a secure connection.
    """
    name = get_settings().DEVICE_COOKIE or ""
    return f"__Host-{name}" if name and request.is_secure() else name


def is_cross_site(request: HttpRequest, *, takes_own_domain: bool = True) -> bool:
    """Return whether a page of a foreign site made a browser send this request.

    :param takes_own_domain: whether a page of another host of the same domain is no foreign
        one. Not every such host need be the site's.

    A page with a hidden form has each of its visitors order a message, from an address of their
    own. No limit by address holds against that. Browsers name the page by headers that no
    script can set; a client that is no browser sends none of them.
    """
    origin = request.META.get("HTTP_ORIGIN", "")
    if site := request.META.get("HTTP_SEC_FETCH_SITE"):
        is_foreign = site not in OWN_SITES or (site == SAME_SITE and not takes_own_domain)
    else:
        # A browser from before 2023, or none.
        # REST framework's request gives the header as it came.
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        is_form = media_type != PREFLIGHTED
        is_foreign = bool(origin) and is_form and _netloc(origin) != request.get_host()
    if not is_foreign or any(_matches(origin, each) for each in _trusted_origins()):
        return False
    _log_foreign_origin(origin)
    return True


def _trusted_origins() -> Sequence[str]:
    """Return the origins whose pages may send requests."""
    trusted = get_settings().TRUSTED_ORIGINS
    if trusted is not None:
        return trusted
    # The second one belongs to django-cors-headers. Who lists an origin there wants its pages
    # to work, too.
    others = getattr(django_settings, "CORS_ALLOWED_ORIGINS", ())
    return [*django_settings.CSRF_TRUSTED_ORIGINS, *map(str, others)]


def _matches(origin: str, trusted: str) -> bool:
    """Return whether an origin is the trusted one, such as ``https://*.example.com``."""
    start, star, domain = trusted.partition("*")
    if not star:
        return origin == trusted
    return origin.startswith(start) and origin.endswith(domain) and len(origin) >= len(trusted)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _log_foreign_origin(origin: str) -> None:
    shown = "".join(char for char in origin if char.isprintable())[:LONGEST_LOGGED]
    logger.info(
        "Refused a request from a page of %r. If it is yours, name it in "
        "SMS_OTP['TRUSTED_ORIGINS'].",
        shown,
        extra=log_fields("cross_site", origin=shown),
    )


@lru_cache(maxsize=1)
def _log_unknown_address(hour: int) -> None:
    """Log once per hour and process: an attacker must not fill the log."""
    logger.error(
        "The client's address is unknown, so no limit by IP address holds. Requests come from "
        "a proxy: set SMS_OTP['TRUSTED_PROXY_COUNT'] to how many of them there are.",
        extra=log_fields("unknown_address"),
    )
