"""Keeps every contestant from logging: the cost of a log depends on its destination."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["keep_silent"]


def keep_silent(_config: Any) -> None:
    """Take the place of ``logging.config.dictConfig`` in ``LOGGING_CONFIG``."""
    logging.disable(logging.CRITICAL)
