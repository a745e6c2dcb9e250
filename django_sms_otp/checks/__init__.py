"""System checks. ``docs/checks.md`` explains each id."""

from . import backends, limits, site  # noqa: F401  (registers them)
