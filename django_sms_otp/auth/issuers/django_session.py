"""Django's session: the browser gets its cookie, and the body has no secret."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user, logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string
from rest_framework.response import Response

from ...exceptions import InvalidSettings
from ...results import Redeemed
from ..sessions import backend_path, log_in
from .base import TokenIssuer

__all__ = ["SessionIssuer", "missing_middleware"]


class SessionIssuer(TokenIssuer):
    """Logs in to Django's session, as ``login()`` does. The body tells who is new here.

    Another site cannot log its visitors in to an account of its own: ``auth-code/`` refuses
    what a page of another site or host sends. Django's own protection against such requests
    holds for what the session may do then, and for ``logout/``.
    """

    writes = False
    sends_user_logged_in = True
    sets_cookies = True

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        self.check()
        return {"registered": registered}

    def answer(
        self, response: Response, redeemed: Redeemed[dict[str, Any]], *, request: HttpRequest
    ) -> None:
        log_in(request, redeemed)

    def log_out(self, response: Response, *, request: HttpRequest) -> None:
        # REST framework has made it nobody's: the endpoint has no authentication.
        request.user = get_user(request)
        logout(request)

    def problem(self) -> str | None:
        try:
            backend_path()
        except InvalidSettings as error:
            return str(error)
        return missing_middleware(
            type(self), SessionMiddleware, CsrfViewMiddleware, AuthenticationMiddleware
        )


def missing_middleware(issuer: type, *needed: type) -> str | None:
    """Return what to add to ``MIDDLEWARE``; ``None`` if all of it, or a subclass, is there."""
    there = [import_string(path) for path in django_settings.MIDDLEWARE]
    classes = tuple(each for each in there if isinstance(each, type))
    for each in needed:
        if not any(issubclass(one, each) for one in classes):
            path = f"{each.__module__}.{each.__qualname__}"
            return f"{issuer.__name__} needs {path!r} in MIDDLEWARE."
    return None
