"""A site that commits by itself."""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import DATABASES as BASE

DATABASES = {"default": {**BASE["default"], "AUTOCOMMIT": False}}
