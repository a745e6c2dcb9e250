"""Tokens die with the password, name users by name, and are listed."""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "rest_framework_simplejwt.token_blacklist"]
SIMPLE_JWT = {
    "CHECK_REVOKE_TOKEN": True,
    "USER_ID_FIELD": "username",
    "USER_ID_CLAIM": "sub",
    "AUTH_HEADER_TYPES": ("Bearer",),
}
