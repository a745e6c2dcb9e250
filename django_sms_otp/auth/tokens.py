"""What a login yields: the class that ``TOKEN_ISSUER`` names."""

from __future__ import annotations

from .issuers.base import TokenIssuer, get_token_issuer
from .issuers.cookies import CookieJWTAuthentication, CookieJWTIssuer
from .issuers.django_session import SessionIssuer
from .issuers.simplejwt import SimpleJWTIssuer
from .issuers.stored import DRFTokenIssuer, KnoxIssuer

__all__ = [
    "CookieJWTAuthentication",
    "CookieJWTIssuer",
    "DRFTokenIssuer",
    "KnoxIssuer",
    "SessionIssuer",
    "SimpleJWTIssuer",
    "TokenIssuer",
    "get_token_issuer",
]
