"""Proofs: when the caller of a request last proved by SMS to have their number, or logged in.

The proof of a session is kept in the session (``auth.sessions``). The proof of a JSON Web Token
is in its claims: ``auth_time`` says when its user logged in, and ``amr`` that it was by SMS
(OpenID Connect Core 1.0, section 2; RFC 8176). A token without these claims proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework_simplejwt import settings as simplejwt

from ..conf import get_settings
from . import sessions
from .session_record import past_time
from .users import get_user_resolver, is_guarded

__all__ = [
    "WITHIN",
    "authenticated_at",
    "has_claims",
    "is_fresh",
    "is_verified",
    "proof_for_numbers",
    "sees_numbers",
    "verified_at",
]

WITHIN = timedelta(minutes=10)
"""How long a proof lasts where a site does not say it."""


def verified_at(request: HttpRequest | Request) -> datetime | None:
    """Return when the caller last proved by SMS to have a number of their account.

    ``None`` means never, or nobody is logged in. A time is never later than now.
    """
    claims = _claims(request)
    if claims is None:
        return sessions.verified_at(request)
    return _login_time(claims) if _is_by_sms(claims) else None


def authenticated_at(request: HttpRequest | Request) -> datetime | None:
    """Return when the caller last logged in, by whatever door, or proved to have a number.

    ``None`` means that it is unknown, or nobody is logged in. A time is never later than now.
    """
    claims = _claims(request)
    if claims is not None:
        return _login_time(claims)
    times = sessions.authenticated_at(request), sessions.verified_at(request)
    return max((at for at in times if at is not None), default=None)


def is_verified(request: HttpRequest | Request, *, within: timedelta = WITHIN) -> bool:
    """Tell whether the caller proved by SMS to have their number, at most so long ago."""
    return _is_within(verified_at(request), within)


def is_fresh(request: HttpRequest | Request, *, within: timedelta = WITHIN) -> bool:
    """Tell whether the caller logged in, or proved to have a number, at most so long ago."""
    return _is_within(authenticated_at(request), within)


def proof_for_numbers(
    request: HttpRequest | Request, user: AbstractBaseUser
) -> timedelta | None:
    """Return how old a proof may be, if the caller has none to change their numbers by.

    ``None`` means that they may.

    :param user: who has made the request.
    """
    settings = get_settings()
    guarded = is_guarded(user)
    within = settings.NUMBERS_NEED_PROOF_WITHIN or (WITHIN if guarded else None)
    if within is None:
        return None
    by_sms = guarded or settings.NUMBERS_NEED_PROOF_BY == "sms"
    if by_sms and not get_user_resolver().numbers_of(user):
        # Who has no number yet cannot confirm a code.
        if guarded and not sessions.may_add_first_number(request):
            return within
        by_sms = False
    is_proven = is_verified if by_sms else is_fresh
    return None if is_proven(request, within=within) else within


def sees_numbers(request: HttpRequest | Request, user: AbstractBaseUser) -> bool:
    """Tell whether the caller may see the numbers of a user whole.

    Guarded staff prove first that they have one: whoever knows their password alone would learn
    which number to take over.

    :param user: who has made the request.
    """
    return not is_guarded(user) or proof_for_numbers(request, user) is None


def has_claims(request: Request) -> bool:
    """Tell whether the caller has come with a token that can say when its user proved it.

    That of ``DRFTokenIssuer`` or ``KnoxIssuer`` cannot: it is a key of a row.
    """
    return _payload_of(request.auth) is not None


def _claims(request: HttpRequest | Request) -> Mapping[str, Any] | None:
    """Return what the caller's token says; ``None`` if the caller has come without a token.

    A request with a token never counts what its cookies say: they may be of another login.
    """
    auth = getattr(request, "auth", None)
    if auth is None:
        return None
    payload = _payload_of(auth)
    if payload is None or not request.user.is_authenticated:
        return {}
    return payload if _is_of(payload, request.user) else {}


def _payload_of(auth: Any) -> Mapping[str, Any] | None:
    payload = auth if isinstance(auth, Mapping) else getattr(auth, "payload", None)
    return payload if isinstance(payload, Mapping) else None


def _is_of(claims: Mapping[str, Any], user: Any) -> bool:
    """Return whether a token is that of the user.

    A site may act for another user than its token's, as support staff do.
    """
    settings = simplejwt.api_settings
    named = claims.get(settings.USER_ID_CLAIM)
    if named is None or not isinstance(user, AbstractBaseUser):
        return True  # The user is made of the token, or found by another claim.
    return str(named) == str(getattr(user, settings.USER_ID_FIELD))


def _login_time(claims: Mapping[str, Any]) -> datetime | None:
    seconds = claims.get("auth_time")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return past_time(seconds)


def _is_by_sms(claims: Mapping[str, Any]) -> bool:
    methods = claims.get("amr")
    return isinstance(methods, list | tuple) and "sms" in methods


def _is_within(at: datetime | None, within: timedelta) -> bool:
    return at is not None and timezone.now() - at <= within
