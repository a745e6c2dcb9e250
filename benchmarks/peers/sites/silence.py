"""No contestant logs: where logs go is a site's own matter, and costs what it costs."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["keep_silent"]


def keep_silent(_config: Any) -> None:
    """Take the place of ``logging.config.dictConfig`` in ``LOGGING_CONFIG``."""
    logging.disable(logging.CRITICAL)
