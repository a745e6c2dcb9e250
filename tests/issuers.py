"""Token issuers of sites."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from django_sms_otp.tokens import TokenIssuer


class BrokenIssuer(TokenIssuer):
    def issue(self, user: AbstractBaseUser, *, request: object = None) -> dict[str, Any]:
        raise RuntimeError("BrokenIssuer has no key.")
