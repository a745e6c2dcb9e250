"""How this app registers its checks with Django."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from ..db import database_alias
from ..exceptions import InvalidSettings
from ..models import VerifiedPhone

__all__ = ["ALWAYS", "DATABASE", "DEPLOY", "Problems", "check", "error_of"]

ALWAYS, DEPLOY, DATABASE = "always", "deploy", "database"
"""With every ``check``, with ``check --deploy``, with ``check --database``."""

Problems = Iterator[str]
"""The texts of the problems that a check finds."""


def check(
    id: str,  # noqa: A002  (as Django names it)
    when: str = ALWAYS,
    *,
    hint: str | None = None,
) -> Callable[[Callable[[], Problems]], Callable[[], Problems]]:
    """Register a function that looks for problems.

    :param id: ``sms_otp.E...`` for an error, ``sms_otp.W...`` for a warning. Stable: sites
        silence warnings by it.
    :param hint: what to do about the problem.
    """
    level = Error if id.startswith("sms_otp.E") else Warning
    tag = Tags.database if when == DATABASE else Tags.security

    def add(problems: Callable[[], Problems]) -> Callable[[], Problems]:
        @register(tag, deploy=when == DEPLOY)
        def run(databases: Collection[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
            found: list[CheckMessage] = []
            if when == DATABASE and not _needed_databases() <= {*(databases or ())}:
                return found
            # The check of these settings reports them. Before "migrate" a table may be
            # missing. Problems found before the error are kept.
            with suppress(InvalidSettings, DatabaseError):
                found.extend(level(text, hint=hint, id=id) for text in problems())
            return found

        return problems

    return add


def error_of(read: Callable[[], object]) -> Problems:
    """Yield the text of the ``InvalidSettings`` that ``read`` raises, if it raises one."""
    try:
        read()
    except InvalidSettings as error:
        yield str(error)


def _needed_databases() -> set[str]:
    return {database_alias(), database_alias(VerifiedPhone)}
