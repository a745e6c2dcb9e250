"""System checks. ``docs/checks.md`` explains each id."""

from . import backends, databases, limits, queues, receipts, site  # noqa: F401  (registers the checks)
