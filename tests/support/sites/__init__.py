"""Tiny sites, each with settings of its own, that the tests start as processes.

REST framework and simplejwt bind much of their settings as they are imported, and a user model
is chosen once a process: what a site sets there shows only in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


@cache
def visit(site: str, way: str = "login") -> dict[str, Any]:
    """Log in to a site in a process of its own, and return what it answered.

    :param way: the module of this package that logs in.
    """
    process = _run(site, f"tests.support.sites.{way}")
    assert process.returncode == 0, process.stderr
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report


def check(site: str) -> str:
    """Run ``manage.py check`` for a site that it must refuse, and return what it wrote."""
    process = _run(site, "django", "check")
    assert process.returncode == 1, process.stderr
    return process.stderr


def _run(site: str, *module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *module],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": f"tests.support.sites.{site}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
