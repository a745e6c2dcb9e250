"""System checks. ``docs/checks.md`` explains each id."""

from . import (  # noqa: F401  (registers them)
    backends,
    gateway_codes,
    limits,
    queues,
    receipts,
    site,
)
from .base import registered

__all__ = ["registered"]
