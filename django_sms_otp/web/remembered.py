"""The number that this device remembers for the next login, if its owner has asked for it.

It is in a cookie that is signed, so that no other program of the device puts in a number; and
that no script reads. The server keeps nothing. It goes wherever the session goes: the form may
stand in a page of the site's own.
"""

from __future__ import annotations

from contextlib import suppress

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse

from ..exceptions import PhoneNumberError
from ..phone import PhoneNumber, parse_phone_number

__all__ = ["forget_number", "remember_number", "remembered_number"]

COOKIE = "sms_otp_number"
AGE = 180 * 24 * 3600
"""Seconds."""


def remembered_number(request: HttpRequest) -> PhoneNumber | None:
    """Return the number that this device remembers."""
    text = request.get_signed_cookie(COOKIE, default="", salt=__name__, max_age=AGE)
    with suppress(PhoneNumberError):
        return parse_phone_number(str(text), refused_types=(), takes_fictitious=True)
    return None


def remember_number(request: HttpRequest, response: HttpResponse, number: PhoneNumber) -> None:
    response.set_signed_cookie(
        COOKIE,
        str(number.e164),
        salt=__name__,
        max_age=AGE,
        path=django_settings.SESSION_COOKIE_PATH,
        domain=django_settings.SESSION_COOKIE_DOMAIN,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def forget_number(request: HttpRequest, response: HttpResponse) -> None:
    if COOKIE in request.COOKIES:
        response.delete_cookie(
            COOKIE,
            path=django_settings.SESSION_COOKIE_PATH,
            domain=django_settings.SESSION_COOKIE_DOMAIN,
            samesite="Lax",
        )
