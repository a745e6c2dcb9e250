"""What all token issuers have in common."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from ...conf import load_class
from ...exceptions import InvalidSettings
from ...results import Redeemed

__all__ = ["TokenIssuer", "get_token_issuer"]


class TokenIssuer:
    """What a client gets for a redeemed code: one class behind ``TOKEN_ISSUER``.

    A login calls :meth:`issue` as the code is redeemed, and :meth:`answer` after the commit.
    """

    writes: bool = True
    """Whether :meth:`issue` writes to a database or calls ``transaction.on_commit()``.

    Such an issuer runs in the transaction that redeems the code. If you set ``False``,
    :meth:`issue` runs before it, and a login locks its rows for a shorter time. Of several
    right guesses at once each then calls :meth:`issue`, and one of them wins.
    """

    sends_user_logged_in: bool = False
    """Whether :meth:`answer` calls Django's ``login()``, which sends ``user_logged_in``.

    If not, the API sends it.
    """

    sets_cookies: bool = False
    """Whether a login is in cookies, which :meth:`refresh` and :meth:`log_out` read.

    Their endpoints ask for Django's CSRF token then.
    """

    keeps_proof: bool = True
    """Whether a new login tells, by its claims or its session, when it was.

    If not, whoever has come by a token cannot step up by another one.
    """

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        """Return the body of the answer.

        An error leaves the code as good as it was and, if the issuer :attr:`writes`, rolls its
        writes back.

        :param request: the HTTP request, for hooks of the site.
        :param registered: whether this login creates the account.
        :raises LoginRefused: this user gets nothing, and the code is spent. Raise it before
            you write anything.
        """
        raise NotImplementedError(f"{type(self).__name__} must define issue().")

    def answer(
        self, response: Response, redeemed: Redeemed[dict[str, Any]], *, request: HttpRequest
    ) -> None:
        """Change the answer of a login: set a cookie, or log in to a session.

        The code is used up already, whatever this raises.

        :param response: ``response.data`` is the body, which :meth:`issue` has returned.
        """

    def login_failed(self, credentials: dict[str, Any], *, request: object = None) -> None:
        """Take note of a refused login."""

    def refresh(self, response: Response, *, request: HttpRequest) -> None:
        """Renew what the cookies of a request hold: the endpoint ``refresh/``.

        :raises NotFound: this issuer sets no such cookie, so there is no such endpoint.
        """
        raise NotFound

    def log_out(self, response: Response, *, request: HttpRequest) -> None:
        """End the login that the cookies of a request hold: the endpoint ``logout/``.

        :raises NotFound: this issuer sets no cookie, so there is no such endpoint.
        """
        raise NotFound

    def problem(self) -> str | None:
        """Return what this issuer lacks in the site's settings; the system check shows it."""
        return None

    def check(self) -> None:
        """:raises InvalidSettings: this issuer lacks something in the site's settings."""
        if problem := self.problem():
            raise InvalidSettings(problem)


def get_token_issuer() -> TokenIssuer:
    """Return the issuer that ``TOKEN_ISSUER`` names.

    :raises InvalidSettings: the path cannot be imported, or names no :class:`TokenIssuer`.
    """
    return load_class("TOKEN_ISSUER", TokenIssuer)()
