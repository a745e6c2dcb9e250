"""Schemathesis reads ``openapi.yaml`` and finds nothing wrong with the example site."""

from __future__ import annotations

import importlib
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.openapi import FILE

from .test_example_site import SITE

ROOT = SITE.parent

CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2XX", "401", "403", "404", "409", "429", "5XX"]
"""
PATH, PHONE = "/api/auth/sms", "+14155550199"


@pytest.mark.slow
def test_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    example = importlib.import_module("demo").Site(tmp_path)
    example._environment |= {
        "DJANGO_TRUSTED_PROXY_COUNT": "1",
        "DJANGO_SETTINGS_MODULE": "tests.support.schemathesis_settings",
        "PYTHONPATH": str(ROOT),
    }
    with example as site:
        _, asked = site.call("POST", f"{PATH}/get-code/", {"phone_number": PHONE})
        guess = {"phone_number": PHONE, "code": site.code(asked["code_length"])}
        _, tokens = site.call("POST", f"{PATH}/auth-code/", guess)
        found = run(tmp_path, f"{site.url}{PATH}", tokens["access"])
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.search(r"API Links: +[1-9]", found.stdout), found.stdout
    # It has seen what a login answers.
    with closing(sqlite3.connect(tmp_path / "demo.sqlite3")) as database:
        logins = "SELECT COUNT(*) FROM django_sms_otp_verifiedphone WHERE is_test"
        assert database.execute(logins).fetchone() > (0,)


def run(folder: Path, url: str, token: str) -> subprocess.CompletedProcess[str]:
    """Run it for about half a minute."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    variables = {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
    }
    options = (
        "--max-examples=15",
        "--seed=1",
        "--no-color",
        "--workers=1",
        "--continue-on-failure",
    )
    return subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", str(FILE)),
            f"--url={url}",
            *(f"--header=Authorization: Bearer {token}", *options),
        ],
        cwd=folder,
        check=False,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
