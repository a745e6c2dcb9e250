"""System checks. ``docs/checks.md`` explains each id."""

from . import (  # noqa: F401  (registers the checks)
    accounts,
    backends,
    databases,
    limits,
    queues,
    receipts,
    site,
)
