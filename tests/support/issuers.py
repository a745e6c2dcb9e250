"""Token issuers of sites."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import OperationalError

from django_sms_otp.auth.tokens import SimpleJWTIssuer, TokenIssuer


class BrokenIssuer(TokenIssuer):
    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        raise RuntimeError("BrokenIssuer has no key.")


class UnluckyIssuer(SimpleJWTIssuer):
    """Its first login loses a race at the last moment, and is run again."""

    met = False

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, str]:
        tokens = super().issue(user, request=request, registered=registered)
        if not UnluckyIssuer.met:
            UnluckyIssuer.met = True
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return tokens
