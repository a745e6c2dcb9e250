"""System checks: functions that look for problems, in one table.

``docs/checks.md`` explains each id.
"""

from __future__ import annotations

from collections.abc import Collection

from django.core.checks import CheckMessage

from ..db import database_alias
from ..models import VerifiedPhone
from . import limits, queues, receipts, site  # noqa: F401  (fills the table)
from .backends import messages_of_backends
from .base import CHECKS, DATABASE, DEPLOY

__all__ = ["CHECKS", "run"]


def run(when: str, databases: Collection[str] | None = None) -> list[CheckMessage]:
    """Return the messages of all checks that run at ``when``."""
    needed = {database_alias(), database_alias(VerifiedPhone)}
    if when == DATABASE and not needed <= {*(databases or ())}:
        return []
    found = [each for check in CHECKS if check.when == when for each in check.messages()]
    return [*found, *messages_of_backends()] if when == DEPLOY else found
