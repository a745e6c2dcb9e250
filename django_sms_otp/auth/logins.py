"""Tells Django's own signals of a login, so that auditors and django-axes hear of it.

The adapters call this after the commit, as they alone know the request. Django's ``login()``
and ``authenticate()`` send the same signals: whoever calls those calls nothing here.

A receiver that raises an error changes no answer: the login is done, and a lockout of another
package must not tell what a guess was worth. Django logs the error.
"""

from __future__ import annotations

from django.contrib.auth import user_logged_in, user_login_failed
from django.contrib.auth.base_user import AbstractBaseUser

from ..phone import PhoneNumber

__all__ = ["announce_login", "announce_refusal"]

CLEANSED = "********************"
"""What Django shows of a password."""


def announce_login(user: AbstractBaseUser, request: object) -> None:
    """Send ``user_logged_in``. Django's receiver of it keeps ``last_login``.

    :param request: Django's own request. Receivers leave marks on it for their middleware.
    """
    user_logged_in.send_robust(type(user), request=request, user=user)


def announce_refusal(phone_number: PhoneNumber | None, request: object) -> None:
    """Send ``user_login_failed``. The credentials are masked: receivers store and log them.

    :param phone_number: ``None`` if the client has named its request alone.
    """
    credentials = {"code": CLEANSED}
    if phone_number is not None:
        credentials["phone_number"] = phone_number.masked
    user_login_failed.send_robust(__name__, credentials=credentials, request=request)
