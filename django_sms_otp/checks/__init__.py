"""System checks. ``docs/checks.md`` explains each id."""

from . import limits, receipts, site  # noqa: F401  (registers them)
