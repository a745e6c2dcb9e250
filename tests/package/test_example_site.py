"""The example site: its own tests, and the password that each start prints."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import override_settings

SITE = Path(__file__).resolve().parents[2] / "example_project"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script."""
    monkeypatch.syspath_prepend(str(SITE))
    spec = importlib.util.spec_from_file_location("serve", SITE / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_its_own_tests_pass() -> None:
    foreign = ("DATABASE_URL", "DJANGO_", "TEST_", "TWILIO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    tests = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "test"],
        cwd=SITE,
        env=kept | {"PYTHONPATH": str(SITE.parent)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr


@pytest.mark.django_db
@override_settings(DEBUG=True)
def test_each_start_prints_a_password_that_works(
    serve: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        serve.print_admin()
        password = capsys.readouterr().out.split()[-1]
        user = authenticate(username="admin", password=password)
        assert isinstance(user, User)
        assert user.is_superuser
        assert user.is_staff
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_server_keeps_its_administrators(
    serve: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    serve.print_admin()
    assert "createsuperuser" in capsys.readouterr().out
    assert not User.objects.exists()
