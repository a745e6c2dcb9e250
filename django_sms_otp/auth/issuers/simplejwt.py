"""JSON Web Tokens by djangorestframework-simplejwt.

The simplejwt settings of the site hold: its serializer with custom claims, user id field and
claim, authentication rule, blacklist app, sliding tokens. simplejwt rebinds ``api_settings``
when they change, so each login reads them through the module.
"""

from __future__ import annotations

import time
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import update_last_login
from django.utils.module_loading import import_string
from rest_framework_simplejwt import settings as simplejwt

from ...conf import get_settings
from ...exceptions import InvalidSettings, LoginRefused
from .base import TokenIssuer

__all__ = ["AUTHENTICATION_METHODS", "BLACKLIST", "SimpleJWTIssuer", "token_serializer"]

BLACKLIST = "rest_framework_simplejwt.token_blacklist"
WRITING_SETTINGS = {
    "ON_LOGIN_SUCCESS",
    "SLIDING_TOKEN_OBTAIN_SERIALIZER",
    "TOKEN_OBTAIN_SERIALIZER",
    "UPDATE_LAST_LOGIN",
    "USER_AUTHENTICATION_RULE",
}
"""Settings of simplejwt that name code of the site, or ask for a write at each login."""

AUTHENTICATION_METHODS = ["sms", "otp"]
"""RFC 8176, section 2."""


class SimpleJWTIssuer(TokenIssuer):
    """Issues tokens through the serializer that the site uses for its password logins.

    Adds two claims to both tokens: ``amr`` (RFC 8176) and ``auth_time`` (OpenID Connect Core
    1.0, section 2: seconds since the epoch).
    """

    @property
    def writes(self) -> bool:  # type: ignore[override]
        """Whether simplejwt keeps rows, or calls code of the site, which may write.

        A subclass whose :meth:`issue` writes sets ``writes = True``.
        """
        theirs = getattr(django_settings, "SIMPLE_JWT", {})
        return (
            apps.is_installed(BLACKLIST)
            or get_settings().TOKEN_SERIALIZER is not None
            or not WRITING_SETTINGS.isdisjoint(theirs)
        )

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, str]:
        settings = simplejwt.api_settings
        # The serializer itself would issue tokens to an inactive user, with a warning.
        if not settings.USER_AUTHENTICATION_RULE(user):
            raise LoginRefused("simplejwt's USER_AUTHENTICATION_RULE refuses this user.")
        # Call it once: with the blacklist app each call writes a row.
        token = token_serializer().get_token(user)
        token["amr"] = AUTHENTICATION_METHODS
        token["auth_time"] = int(time.time())
        _after_login(user, request)
        if hasattr(token, "access_token"):
            return {"access": str(token.access_token), "refresh": str(token)}
        return {"token": str(token)}

    def login_failed(self, credentials: dict[str, Any], *, request: object = None) -> None:
        if hook := getattr(simplejwt.api_settings, "ON_LOGIN_FAILED", None):
            hook(credentials, request)


def token_serializer() -> Any:
    """Return the serializer class that makes the tokens of the site.

    :raises InvalidSettings: the path cannot be imported, or has no ``get_token()``.
    """
    path = get_settings().TOKEN_SERIALIZER
    if path is None:
        settings = simplejwt.api_settings
        token_types = {each.token_type for each in settings.AUTH_TOKEN_CLASSES}
        is_sliding = "sliding" in token_types and "access" not in token_types
        name = "SLIDING_TOKEN_OBTAIN_SERIALIZER" if is_sliding else "TOKEN_OBTAIN_SERIALIZER"
        path = getattr(settings, name)
    # Import it late: the serializers of simplejwt need the user model at import.
    try:
        serializer = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"The token serializer cannot be imported: {error}.") from error
    if not hasattr(serializer, "get_token"):
        raise InvalidSettings(f"The token serializer {path!r} has no get_token().")
    return serializer


def _after_login(user: AbstractBaseUser, request: object) -> None:
    # simplejwt has ON_LOGIN_SUCCESS since after 5.5.1. Its default hook updates last_login.
    if hook := getattr(simplejwt.api_settings, "ON_LOGIN_SUCCESS", None):
        hook(user, request)
    elif simplejwt.api_settings.UPDATE_LAST_LOGIN and request is None:
        # With a request, user_logged_in follows, and Django's receiver of it does the same.
        update_last_login(None, user)  # type: ignore[arg-type]
