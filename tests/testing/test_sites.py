"""The tests of a site, run as its developers run them: by pytest and by ``manage.py test``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = "tests.support.tested_site"

EMPTY_PROJECT = """
import sys

def test_nothing_of_this_app_was_imported():
    ours = {name for name in sys.modules if name.startswith("django_sms_otp")}
    assert ours == {"django_sms_otp", "django_sms_otp.pytest_plugin"}
    assert "phonenumbers" not in sys.modules
"""


def run(
    *module: str, cwd: Path = ROOT, settings: str = f"{SITE}.settings"
) -> subprocess.CompletedProcess[str]:
    ours = {"DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    if settings:
        environment["DJANGO_SETTINGS_MODULE"] = settings
    environment["PYTHONPATH"] = os.pathsep.join(map(str, [ROOT, cwd]))
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *module],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_pytest(
    file: Path, *options: str, settings: str = f"{SITE}.settings"
) -> subprocess.CompletedProcess[str]:
    quiet = ("-q", "-p", "no:cacheprovider", "--noconftest", "-c", os.devnull)
    here = ("--rootdir", str(file.parent), str(file))
    return run("pytest", *quiet, *options, *here, settings=settings)


def test_pytest_runs_the_tests_of_a_site() -> None:
    done = run_pytest(ROOT / "tests/support/tested_site/pytest_cases.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout


def test_manage_py_runs_the_tests_of_a_site() -> None:
    done = run("django", "test", f"{SITE}.django_cases")
    assert done.returncode == 0, done.stderr
    assert "Ran 6 tests" in done.stderr


@pytest.mark.parametrize("options", [(), ("-p", "no:django")], ids=["django", "no django"])
def test_the_plugin_costs_other_projects_nothing(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (file := tmp_path / "test_other.py").write_text(EMPTY_PROJECT)
    done = run_pytest(file, *options, settings="")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_is_quiet_where_django_does_not_have_the_app(tmp_path: Path) -> None:
    (tmp_path / "other_settings.py").write_text("SECRET_KEY = 'k'\nINSTALLED_APPS = []\n")
    (file := tmp_path / "test_other.py").write_text(EMPTY_PROJECT)
    done = run(
        "pytest", "-q", "-c", os.devnull, str(file), cwd=tmp_path, settings="other_settings"
    )
    assert done.returncode == 0, done.stdout + done.stderr
