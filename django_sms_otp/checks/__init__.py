"""System checks. ``docs/checks.md`` explains each id."""

from . import backends, gateway_codes, limits, receipts, site  # noqa: F401  (registers them)
