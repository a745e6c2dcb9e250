"""Tiny sites, each with settings of its own, that the tests start as processes.

REST framework and simplejwt bind much of their settings as they are imported, and a user model
is chosen once a process: what a site sets there shows only in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def visit(site: str) -> dict[str, Any]:
    """Log in to a site in a process of its own, and return what it answered."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.sites.login", f"tests.sites.{site}"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": f"tests.sites.{site}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report
