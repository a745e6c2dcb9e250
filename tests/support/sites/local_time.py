"""A site that keeps local time."""

from __future__ import annotations

from .base import *  # noqa: F403

USE_TZ = False
