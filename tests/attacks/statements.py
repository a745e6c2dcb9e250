"""Statements of a request: the cost of a flood to the database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection

from tests.support.clock import Clock
from tests.support.server import environment

from .figures import Figure, Row
from .targets import empty_the_database

__all__ = ["statements"]

LEFT_OUT = "default limits; neither the token blacklist, nor BEGIN, COMMIT and SAVEPOINT"


def statements() -> list[Row]:
    empty_the_database()
    counts = _count()
    requests = {
        "known number": 5,
        "same code again": 5,
        # PostgreSQL supersedes the old code in the statement that writes the new one.
        "new code for a live one": 5 if connection.vendor == "postgresql" else 6,
        "first sight of the number": 5,
        "first sight of number and address": 5,
        "refused": 2,
        "refused, first of an hour": 3,
    }
    guesses = {
        # The last one of a login is Django's: it keeps last_login.
        "known user": 5,
        # Once in the lifetime of a code, the last use of the number is noted: on PostgreSQL by
        # the statement that redeems the code.
        "known user, a day later": 5 if connection.vendor == "postgresql" else 6,
        "wrong code": 3,
        # One asks whether the site's default manager hides the user of this number. Without it
        # such a person would get an error, and a savepoint would cost two trips.
        "registration": 8,
        "too many attempts": 1,
    }
    views = {"get-code": requests, "auth-code": guesses}
    return [
        Row(
            attack=f"statements of `{view}`",
            parameters=LEFT_OUT,
            figures=_of(allowed, counts),
        )
        for view, allowed in views.items()
    ]


def _of(allowed: Mapping[str, int], counts: Mapping[str, int]) -> list[Figure]:
    return [
        Figure(what=what, allowed=most, measured=[counts[what]], at_most=True)
        for what, most in allowed.items()
    ]


def _count() -> dict[str, int]:
    with TemporaryDirectory(prefix="sms-otp-attacks-") as name:
        variables = environment(Path(name), sms_otp={}, clock=Clock(Path(name) / "clock"))
        variables["DJANGO_SETTINGS_MODULE"] = "tests.attacks.site_settings"
        process = subprocess.run(
            [sys.executable, "-m", "tests.attacks.statement_counts"],
            env=variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
    if process.returncode:
        raise RuntimeError(process.stderr)
    counts: dict[str, int] = json.loads(process.stdout.splitlines()[-1])
    return counts
