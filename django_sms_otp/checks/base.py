"""The table of checks, and what a row of it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from django.core.checks import CheckMessage, Error, Warning
from django.db import DatabaseError

from ..exceptions import InvalidSettings

__all__ = ["ALWAYS", "CHECKS", "DATABASE", "DEPLOY", "Check", "Problems", "check", "error_of"]

ALWAYS, DEPLOY, DATABASE = "always", "deploy", "database"
"""With every ``check``, with ``check --deploy``, with ``check --database``."""

Problems = Iterator[str]
"""The texts of the problems that a check finds."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table.

    :param id: ``sms_otp.E...`` for an error, ``sms_otp.W...`` for a warning. Stable: sites
        silence warnings by it.
    :param hint: what to do about the problem.
    """

    id: str
    problems: Callable[[], Problems]
    when: str
    hint: str | None

    def messages(self) -> Iterator[CheckMessage]:
        level = Error if self.id.startswith("sms_otp.E") else Warning
        # Another row reports the invalid settings. Before "migrate" a table may be missing.
        with suppress(InvalidSettings, DatabaseError):
            for text in self.problems():
                yield level(text, hint=self.hint, id=self.id)


CHECKS: list[Check] = []
"""The table. Each module of this package adds its rows with :func:`check`."""


def check(
    id: str,  # noqa: A002  (as Django names it)
    when: str = ALWAYS,
    *,
    hint: str | None = None,
) -> Callable[[Callable[[], Problems]], Callable[[], Problems]]:
    """Add a function to the table."""

    def add(problems: Callable[[], Problems]) -> Callable[[], Problems]:
        CHECKS.append(Check(id, problems, when, hint))
        return problems

    return add


def error_of(read: Callable[[], object]) -> Problems:
    """Yield the text of the ``InvalidSettings`` that ``read`` raises, if it raises one."""
    try:
        read()
    except InvalidSettings as error:
        yield str(error)
