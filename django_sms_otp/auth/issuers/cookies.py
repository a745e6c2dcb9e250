"""JSON Web Tokens in cookies that no script of a page can read.

A stolen page (XSS) can use such a login while it is open, and cannot take it along. A browser
sends cookies by itself, so whatever takes them asks for Django's CSRF token.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware, rotate_token
from django.utils.module_loading import import_string
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt import settings as simplejwt
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from ...exceptions import InvalidSettings
from ...masked import MaskedText
from ...results import Redeemed
from ..users import is_shown
from .base import get_token_issuer
from .django_session import missing_middleware
from .simplejwt import BLACKLIST, SimpleJWTIssuer

__all__ = ["CookieJWTAuthentication", "CookieJWTIssuer"]

TOKENS = {"access", "refresh"}

SameSite = Literal["Lax", "Strict", "None"]


class CookieJWTIssuer(SimpleJWTIssuer):
    """Sets the tokens of simplejwt as cookies. The body tells who is new here.

    The cookies are ``HttpOnly``. Before each name stands ``__Host-``: a browser takes such a
    cookie over TLS alone and from this host alone, so that no other host of the domain plants
    its own login (RFC 6265bis, 4.1.3.2). A site changes the attributes in a subclass.
    """

    sets_cookies = True

    access_cookie: str = "access"
    refresh_cookie: str = "refresh"

    secure: bool = True
    """``False`` is for a development server without TLS: the names lose their prefix."""

    samesite: SameSite = "Lax"
    """``"Lax"``: a link on another site opens a page for who is logged in."""

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, str]:
        self.check()
        tokens = super().issue(user, request=request, registered=registered)
        if not tokens.keys() >= TOKENS:
            raise InvalidSettings(
                f"{type(self).__name__} needs access and refresh tokens. With sliding tokens "
                "set SMS_OTP['TOKEN_ISSUER'] to SimpleJWTIssuer or SessionIssuer."
            )
        return tokens

    def answer(
        self, response: Response, redeemed: Redeemed[dict[str, Any]], *, request: HttpRequest
    ) -> None:
        body = dict(redeemed.granted or {})
        self.set_cookies(response, {name: body.pop(name) for name in TOKENS})
        response.data = {**body, "registered": redeemed.registered}
        rotate_token(request)

    def refresh(self, response: Response, *, request: HttpRequest) -> None:
        """Set a new access token and, with ``ROTATE_REFRESH_TOKENS``, a new refresh token.

        A refused refresh leaves the cookies alone: another tab may have renewed them just now.
        """
        given = self._refresh_token_of(request)
        refresh = import_string(simplejwt.api_settings.TOKEN_REFRESH_SERIALIZER)
        serializer = refresh(data={"refresh": given})
        try:
            # simplejwt asks another manager than the default one of the site.
            if not is_shown(JWTAuthentication().get_user(RefreshToken(given))):
                raise NotAuthenticated
            serializer.is_valid(raise_exception=True)
        except (APIException, TokenError) as error:
            raise NotAuthenticated from error
        self.set_cookies(response, serializer.validated_data)

    def log_out(self, response: Response, *, request: HttpRequest) -> None:
        """Delete the cookies and, with the blacklist app, end the refresh token.

        An access token that somebody has copied works until its end.
        """
        for name in (self.access_cookie, self.refresh_cookie):
            self._set_cookie(response, name, "", timedelta())
        given = self._refresh_token_of(request)
        try:
            token = RefreshToken(given)
            if apps.is_installed(BLACKLIST):
                token.blacklist()
            user = JWTAuthentication().get_user(token)
        except (APIException, TokenError):
            return  # Nobody was logged in.
        user_logged_out.send_robust(type(user), request=request, user=user)

    def problem(self) -> str | None:
        return missing_middleware(type(self), CsrfViewMiddleware)

    def cookie(self, name: str) -> str:
        """Return a cookie's name as the browser has it."""
        return f"__Host-{name}" if self.secure else name

    def set_cookies(self, response: Response, tokens: dict[str, str]) -> None:
        """Set the cookies of new tokens."""
        settings = simplejwt.api_settings
        self._set_cookie(
            response, self.access_cookie, tokens["access"], settings.ACCESS_TOKEN_LIFETIME
        )
        if "refresh" in tokens:
            lifetime = settings.REFRESH_TOKEN_LIFETIME
            self._set_cookie(response, self.refresh_cookie, tokens["refresh"], lifetime)

    def _refresh_token_of(self, request: HttpRequest) -> Any:
        """Return the text of a token; empty if there is none. Reports of errors mask it."""
        return MaskedText(request.COOKIES.get(self.cookie(self.refresh_cookie), ""))

    def _set_cookie(
        self, response: Response, name: str, value: str, lifetime: timedelta
    ) -> None:
        response.set_cookie(
            self.cookie(name),
            value,
            max_age=lifetime,
            secure=self.secure,
            httponly=True,
            samesite=self.samesite,
        )


class CookieJWTAuthentication(JWTAuthentication):
    """Reads the access token of :class:`CookieJWTIssuer`, and asks for the CSRF token.

    It leaves a request with an ``Authorization`` header to the other classes of the site. A
    cookie that is good no more is nobody's, as that of an ended session is: what is for
    everybody stays open.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the user and the token; ``None`` if nobody is logged in.

        :raises PermissionDenied: the request may change something, and lacks the CSRF token.
        """
        issuer = get_token_issuer()
        if not isinstance(issuer, CookieJWTIssuer):
            raise InvalidSettings(
                "CookieJWTAuthentication reads the cookies of CookieJWTIssuer. Name that, or a "
                "subclass, in SMS_OTP['TOKEN_ISSUER']."
            )
        raw = request.COOKIES.get(issuer.cookie(issuer.access_cookie))
        if not raw or self.get_header(request):
            return None
        try:
            token = self.get_validated_token(raw.encode())
            user = self.get_user(token)
        except AuthenticationFailed:
            return None
        if not is_shown(user):
            return None
        self.enforce_csrf(request)
        return user, token

    def enforce_csrf(self, request: Request) -> None:
        """:raises PermissionDenied: the request lacks the token, or its page is foreign."""
        SessionAuthentication().enforce_csrf(request)
