"""Check the files to upload: metadata, contents, and a login through the wheel alone.

Usage: check_distribution.py FOLDER, where FOLDER holds one wheel and one sdist.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

WANTED = {
    "django_sms_otp/py.typed",
    "django_sms_otp/api/openapi.yaml",
    "django_sms_otp/migrations/0001_initial.py",
    "django_sms_otp/static/django_sms_otp/admin.css",
    "django_sms_otp/static/django_sms_otp/web/login.css",
    "django_sms_otp/static/django_sms_otp/web/login.js",
    "django_sms_otp/templates/django_sms_otp/web/login.html",
    "django_sms_otp/phone/names/en.json",
    "django_sms_otp/templates/admin/django_sms_otp/hourlycount/change_list.html",
    "django_sms_otp/locale/de/LC_MESSAGES/django.mo",
}

NOT_IN_SDIST = ("benchmarks/", "tests/attacks/")
"""Harnesses that measure the app."""

SETTINGS = """
from datetime import timedelta
INSTALLED_APPS += ["rest_framework", "django_sms_otp"]
ALLOWED_HOSTS = ["testserver"]
SMS_OTP = {"CODE_LIFETIME": timedelta(minutes=10)}
SMS_OTP_BACKENDS = {"default": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}}
"""

URLS = """
from django.urls import include, path
urlpatterns = [path("auth/sms/", include("django_sms_otp.urls"))]
"""

LOGIN = """
from django.test import Client
from django_sms_otp import testing
client = Client()
number = {"phone_number": "+14155552671"}
assert client.post("/auth/sms/get-code/", number).status_code == 202
answer = client.post("/auth/sms/auth-code/", number | {"code": testing.outbox[-1].code})
assert answer.status_code == 200, answer.content
assert set(answer.json()) == {"access", "refresh"}
"""


def main(folder: Path) -> None:
    files = sorted(folder.iterdir())
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
    # W004: a migration's name begins with a digit, and nothing imports it by name.
    run("check-wheel-contents", "--ignore", "W004", str(wheel))
    check_wheel(wheel)
    check_sdist(sdist)
    with tempfile.TemporaryDirectory() as site:
        log_in(wheel, Path(site))
    print(f"{wheel.name}: a login through it works.")


def check_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    if missing := WANTED - names:
        raise SystemExit(f"The wheel lacks {sorted(missing)}.")
    package = {name for name in names if ".dist-info/" not in name}
    if foreign := {name for name in package if not name.startswith("django_sms_otp/")}:
        raise SystemExit(f"The wheel holds more than the package: {sorted(foreign)}.")


def check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        # Each name begins with the folder of the version.
        names = [name.partition("/")[2] for name in archive.getnames()]
    if not any(name.startswith("tests/") for name in names):
        raise SystemExit("The sdist lacks the tests.")
    if foreign := sorted(name for name in names if name.startswith(NOT_IN_SDIST)):
        raise SystemExit(f"The sdist holds a harness: {foreign}.")


def log_in(wheel: Path, site: Path) -> None:
    venv.create(site / "venv", with_pip=True)
    python = str(site / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel))
    run(python, "-m", "django", "startproject", "shop", str(site))
    with (site / "shop" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    (site / "shop" / "urls.py").write_text(URLS)
    run(python, "manage.py", "migrate", "--verbosity", "0", cwd=site)
    run(python, "manage.py", "makemigrations", "--check", "--dry-run", cwd=site)
    run(python, "manage.py", "shell", "--verbosity", "0", "--command", LOGIN, cwd=site)


def run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
