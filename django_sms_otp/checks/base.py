"""How this app registers its checks with Django."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError
from django.db.migrations import Migration

from ..conf import get_settings
from ..db import database_alias
from ..exceptions import InvalidSettings
from ..models import OTPCode, VerifiedPhone

__all__ = [
    "ALWAYS",
    "DATABASE",
    "DEPLOY",
    "ROWS",
    "Problems",
    "check",
    "codes_settings",
    "databases",
    "error_of",
    "report_after_migrate",
]

ALWAYS, DEPLOY, DATABASE, ROWS = "always", "deploy", "database", "rows"
"""With every ``check``, with ``check --deploy``, with ``check --database``. The last: with both
of these and after the first ``migrate``, whose own checks run before there are tables."""

Run = Callable[..., list[CheckMessage]]

ROW_CHECKS: list[Run] = []

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

    def add(problems: Callable[[], Problems]) -> Callable[[], Problems]:
        def run(**_arguments: Any) -> list[CheckMessage]:
            found: list[CheckMessage] = []
            # The check of these settings reports them. Before "migrate" a table may be
            # missing. Problems found before the error are kept.
            with suppress(InvalidSettings, DatabaseError):
                found.extend(level(text, hint=hint, id=id) for text in problems())
            return found

        if when in {DATABASE, ROWS}:
            register(_with_database(run), Tags.database)
        if when == ROWS:
            register(_without_database(run), Tags.security, deploy=True)
            ROW_CHECKS.append(run)
        if when in {ALWAYS, DEPLOY}:
            register(run, Tags.security, deploy=when == DEPLOY)
        return problems

    return add


def report_after_migrate(
    verbosity: int, plan: Sequence[tuple[Migration, bool]] = (), **_arguments: Any
) -> None:
    """Show what the rows tell, after a ``migrate`` that made this app's tables."""
    labels = {migration.app_label for migration, is_backwards in plan if not is_backwards}
    if OTPCode._meta.app_label not in labels or not verbosity:
        return
    silenced = {*settings.SILENCED_SYSTEM_CHECKS}
    for message in (each for run in ROW_CHECKS for each in run()):
        if message.id not in silenced:
            sys.stderr.write(f"{message}\n")


def _with_database(run: Run) -> Run:
    def check_rows(
        databases: Collection[str] | None = None, **_rest: Any
    ) -> list[CheckMessage]:
        return run() if _needed_databases() <= {*(databases or ())} else []

    return check_rows


def _without_database(run: Run) -> Run:
    def check_rows(
        databases: Collection[str] | None = None, **_rest: Any
    ) -> list[CheckMessage]:
        return [] if databases else run()

    return check_rows


def error_of(read: Callable[[], object]) -> Problems:
    """Yield the text of the ``InvalidSettings`` that ``read`` raises, if it raises one."""
    try:
        read()
    except InvalidSettings as error:
        yield str(error)


def codes_settings(key: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of a setting for all codes, and of each purpose's own."""
    sms_otp = get_settings()
    yield f"SMS_OTP[{key!r}]", getattr(sms_otp, key)
    for name, own in sms_otp.PURPOSES.items():
        if key in own:
            yield f"SMS_OTP['PURPOSES'][{name!r}][{key!r}]", own[key]


def databases() -> list[str]:
    """Return the aliases of the databases that hold codes, numbers and users."""
    return sorted({database_alias(each) for each in (OTPCode, VerifiedPhone, get_user_model())})


def _needed_databases() -> set[str]:
    return {database_alias(), database_alias(VerifiedPhone)}
