"""One token for everything, as simplejwt's documentation describes it."""

from __future__ import annotations

from .base import *  # noqa: F403

SIMPLE_JWT = {"AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.SlidingToken"]}
