"""Django's own doors of a login, so that auditors and django-axes see each of them.

The adapters call this, as they alone know the request: before a guess they ask whether another
package of the site locks the client out, and after the commit they send Django's own signals.
Django's ``login()`` and ``authenticate()`` do the same: whoever calls those calls nothing here.

A receiver that raises an error changes no answer: the login is done, and a lockout of another
package must not tell what a guess was worth. Django logs the error.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import load_backend, user_logged_in, user_login_failed
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ..phone import PhoneNumber

__all__ = ["announce_login", "announce_refusal", "is_locked_out"]

CLEANSED = "********************"
"""What Django shows of a password."""


def is_locked_out(phone_number: PhoneNumber | None, request: HttpRequest) -> bool:
    """Ask the authentication backends of the site, as Django's ``authenticate()`` does.

    A backend that raises ``PermissionDenied`` locks the client out, whatever its guess is. No
    backend gets the code, so none can log anybody in.

    :param phone_number: ``None`` if the client has named its request alone.
    """
    from .backends import SMSCodeBackend  # It imports the services.

    credentials = _shown(phone_number, "secret_code")
    for path in django_settings.AUTHENTICATION_BACKENDS:
        backend: Any = load_backend(path)
        if isinstance(backend, SMSCodeBackend) or not hasattr(backend, "authenticate"):
            continue
        if not _takes(backend.__class__, tuple(credentials)):
            continue
        try:
            backend.authenticate(request, **credentials)
        except PermissionDenied:
            return True
    return False


@cache
def _takes(backend: type[Any], credentials: tuple[str, ...]) -> bool:
    """Tell whether ``authenticate()`` of a backend takes credentials of these names."""
    try:
        inspect.signature(backend().authenticate).bind(None, **dict.fromkeys(credentials))
    except TypeError:
        return False
    return True


def announce_login(user: AbstractBaseUser, request: HttpRequest) -> None:
    """Send ``user_logged_in``. Django's receiver of it keeps ``last_login``.

    :param request: Django's own request. Receivers leave marks on it for their middleware.
    """
    user_logged_in.send_robust(type(user), request=request, user=user)


def announce_refusal(phone_number: PhoneNumber | None, request: HttpRequest) -> None:
    """Send ``user_login_failed``. The credentials are masked: receivers store and log them.

    :param phone_number: ``None`` if the client has named its request alone.
    """
    _cleanse_form(request)
    credentials = _shown(phone_number, "code")
    user_login_failed.send_robust(__name__, credentials=credentials, request=request)


def _shown(phone_number: PhoneNumber | None, code_name: str) -> dict[str, str]:
    credentials = {code_name: CLEANSED}
    if phone_number is not None:
        credentials["phone_number"] = phone_number.masked
    return credentials


def _cleanse_form(request: HttpRequest) -> None:
    """Mask the form, which receivers find in the request: django-axes stores it."""
    if not request.POST:
        return
    form: Any = request.POST.copy()
    for name in form.keys() & {"code", "phone_number"}:
        form[name] = CLEANSED
    request.POST = form
