"""Tokens that stand in a table of another app, and are good until they are deleted there."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils import timezone
from rest_framework.serializers import DateTimeField

from ...exceptions import LoginRefused
from .base import TokenIssuer

__all__ = ["DRFTokenIssuer", "KnoxIssuer"]


class DRFTokenIssuer(TokenIssuer):
    """Answers with the token of ``rest_framework.authtoken``: one a user, without an end."""

    keeps_proof = False

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        self.check()
        # Import it late: the module needs the app.
        from rest_framework.authtoken.models import Token

        token, _ = Token.objects.get_or_create(user_id=user.pk)
        return {"token": token.key}

    def problem(self) -> str | None:
        return _missing_app(type(self), "rest_framework.authtoken")


class KnoxIssuer(TokenIssuer):
    """Answers with a new token of django-rest-knox, as its own login does.

    The settings of the site in ``REST_KNOX`` hold. Where a user has ``TOKEN_LIMIT_PER_USER``
    tokens, the login is refused.
    """

    keeps_proof = False

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        self.check()
        from knox.models import get_token_model
        from knox.settings import knox_settings

        tokens = get_token_model().objects
        if (most := knox_settings.TOKEN_LIMIT_PER_USER) is not None:
            is_live = Q(expiry__gt=timezone.now()) | Q(expiry__isnull=True)
            if tokens.filter(is_live, user=user).count() >= most:
                raise LoginRefused("The user has as many tokens as REST_KNOX allows.")
        kept, token = tokens.create(
            user=user, expiry=knox_settings.TOKEN_TTL, prefix=knox_settings.TOKEN_PREFIX
        )
        shown = DateTimeField(format=knox_settings.EXPIRY_DATETIME_FORMAT)
        body = {"expiry": kept.expiry and shown.to_representation(kept.expiry), "token": token}
        if serializer := knox_settings.USER_SERIALIZER:
            body["user"] = serializer(user, context={"request": request}).data
        return body

    def problem(self) -> str | None:
        return _missing_app(type(self), "knox")


def _missing_app(issuer: type, name: str) -> str | None:
    if apps.is_installed(name):
        return None
    return f"{issuer.__name__} needs {name!r} in INSTALLED_APPS, and then manage.py migrate."
