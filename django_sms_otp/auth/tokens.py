"""What a login yields: JSON Web Tokens by djangorestframework-simplejwt.

A site's own simplejwt settings hold: its serializer with custom claims, user id field and
claim, authentication rule, blacklist app, sliding tokens. They are read at every login, through
the module, since simplejwt rebinds ``api_settings`` when they change.
"""

from __future__ import annotations

import time
from typing import Any

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import update_last_login
from django.utils.module_loading import import_string
from rest_framework_simplejwt import settings as simplejwt

from ..conf import get_settings, load_class
from ..exceptions import InvalidSettings, LoginRefused

__all__ = ["SimpleJWTIssuer", "TokenIssuer", "get_token_issuer"]

SIMPLEJWT = "rest_framework_simplejwt"
SERIALIZERS = ("TOKEN_OBTAIN_SERIALIZER", "SLIDING_TOKEN_OBTAIN_SERIALIZER")
HOOKS = ("USER_AUTHENTICATION_RULE", "ON_LOGIN_SUCCESS")
"""Of simplejwt's, called with who logs in; the second came after 5.5.1."""

AUTHENTICATION_METHODS = ["sms", "otp"]
"""RFC 8176, section 2."""


class TokenIssuer:
    """Yields what a client gets for a redeemed code: one class behind ``TOKEN_ISSUER``."""

    def issue(self, user: AbstractBaseUser, *, request: object = None) -> dict[str, Any]:
        """Return the body of the answer.

        Runs in the transaction that redeems the code, unless :meth:`writes` is ``False``. Any
        error rolls it back and leaves the code as good as it was; but for:

        :param request: the HTTP request, handed through to hooks of the site.
        :raises LoginRefused: this user gets nothing. Raise it before anything is written.
        """
        raise NotImplementedError(f"{type(self).__name__} must define issue().")

    def writes(self) -> bool:
        """Tell whether :meth:`issue` writes anything that is to be rolled back where the code
        turns out to be used up, or acts by ``transaction.on_commit()``. If not, it is called
        before the transaction: for each of several right guesses at a time, one of which wins.
        """
        return True

    def login_failed(self, credentials: dict[str, Any], *, request: object = None) -> None:
        """Hear of a refused login."""


class SimpleJWTIssuer(TokenIssuer):
    """Mints through the serializer that the site uses for its password logins.

    Adds the claims ``amr`` (RFC 8176) and ``auth_time`` (OpenID Connect Core 1.0, section 2:
    seconds since the epoch) to both tokens.
    """

    def issue(self, user: AbstractBaseUser, *, request: object = None) -> dict[str, str]:
        settings = simplejwt.api_settings
        # for_user() only warns of an inactive user, and mints.
        if not settings.USER_AUTHENTICATION_RULE(user):
            raise LoginRefused("simplejwt's USER_AUTHENTICATION_RULE refuses this user.")
        # Once: with the blacklist app each call writes a row.
        token = token_serializer().get_token(user)
        token["amr"] = AUTHENTICATION_METHODS
        token["auth_time"] = int(time.time())
        _after_login(user, request)
        if hasattr(token, "access_token"):
            return {"access": str(token.access_token), "refresh": str(token)}
        return {"token": str(token)}

    def writes(self) -> bool:
        return type(self) is not SimpleJWTIssuer or not _is_as_installed()

    def login_failed(self, credentials: dict[str, Any], *, request: object = None) -> None:
        if hook := getattr(simplejwt.api_settings, "ON_LOGIN_FAILED", None):
            _callable(hook)(credentials, request)


def get_token_issuer() -> TokenIssuer:
    """Return the issuer that ``TOKEN_ISSUER`` names.

    :raises InvalidSettings: it cannot be imported, or is no :class:`TokenIssuer`.
    """
    return load_class("TOKEN_ISSUER", TokenIssuer)()


def serializer_path() -> str:
    """Return the dotted path of the serializer that mints the site's tokens."""
    if path := get_settings().TOKEN_SERIALIZER:
        return path
    settings = simplejwt.api_settings
    token_types = {each.token_type for each in settings.AUTH_TOKEN_CLASSES}
    if "sliding" in token_types and "access" not in token_types:
        return str(settings.SLIDING_TOKEN_OBTAIN_SERIALIZER)
    return str(settings.TOKEN_OBTAIN_SERIALIZER)


def token_serializer() -> Any:
    """Return the class of :func:`serializer_path`.

    :raises InvalidSettings: it cannot be imported, or mints nothing.
    """
    # Not at the top: simplejwt's serializers ask for the user model as they are imported.
    path = serializer_path()
    try:
        serializer = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"The token serializer cannot be imported: {error}.") from error
    if not hasattr(serializer, "get_token"):
        raise InvalidSettings(f"The token serializer {path!r} has no get_token().")
    return serializer


def _is_as_installed() -> bool:
    """Tell whether simplejwt mints by its own code alone, and writes nothing."""
    settings = simplejwt.api_settings
    defaults: dict[str, Any] = simplejwt.DEFAULTS
    # Such as its blacklist, a row of which each token writes.
    has_apps = any(app.name.startswith(f"{SIMPLEJWT}.") for app in apps.get_app_configs())
    if settings.UPDATE_LAST_LOGIN or has_apps:
        return False
    if serializer_path() not in {defaults[name] for name in SERIALIZERS}:
        return False
    return all(
        getattr(settings, name) is import_string(defaults[name])
        for name in HOOKS
        if name in defaults
    )


def _after_login(user: AbstractBaseUser, request: object) -> None:
    # ON_LOGIN_SUCCESS came after 5.5.1; where it is there it also keeps last_login.
    if hook := getattr(simplejwt.api_settings, "ON_LOGIN_SUCCESS", None):
        _callable(hook)(user, request)
    elif simplejwt.api_settings.UPDATE_LAST_LOGIN:
        update_last_login(None, user)  # type: ignore[arg-type]


def _callable(hook: Any) -> Any:
    return import_string(hook) if isinstance(hook, str) else hook
