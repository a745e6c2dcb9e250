"""The page "Background delivery": its project, and the words that it explains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import current_app
from django.test import override_settings

from . import pages

PAGE = pages.page("background.md")
DELIVERY = pages.ROOT / "django_sms_otp" / "delivery"

SETTINGS = """
SECRET_KEY = "s" * 50
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_sms_otp"]
SMS_OTP = {}
"""

Modules = Callable[[Path], dict[str, Any]]


def test_the_celery_app_has_the_tasks_and_the_broker_of_the_settings(modules: Modules) -> None:
    before = current_app._get_current_object()
    try:
        loaded = modules(PAGE)
        app = loaded["shop.celery"].app
        assert loaded["shop"].celery_app is app
        with override_settings(CELERY_BROKER_URL="redis://broker/0"):
            app.autodiscover_tasks(["django_sms_otp"], force=True)
            assert app.conf.broker_url == "redis://broker/0"
        assert "django_sms_otp.deliver" in app.tasks
    finally:
        before.set_current()


def test_celery_finds_the_settings_of_the_project(tmp_path: Path) -> None:
    """Nobody has set DJANGO_SETTINGS_MODULE where ``celery -A shop`` starts."""
    shop = tmp_path / "shop"
    shop.mkdir()
    written = {block.title: block.text for block in reversed(pages.blocks(PAGE))}
    for title in ("shop/__init__.py", "shop/celery.py"):
        (tmp_path / title).write_text(written[title], encoding="utf-8")
    (shop / "settings.py").write_text(SETTINGS + written["settings.py"], encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if "DJANGO" not in key}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(pages.ROOT)])
    result = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "shop", "report"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=environment,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "redis://localhost:6379/0" in result.stdout


def test_words_of_what_was_not_sent_are_all_there() -> None:
    table = pages.rows(PAGE, "What a worker does")
    documented = {row[0].strip("`") for row in table if row[0].startswith("`")}
    # What these say is no result of a code's delivery.
    others = {DELIVERY / name for name in ("feedback.py", "texts.py")}
    paths = {*DELIVERY.glob("*.py")} - others
    source = "".join(path.read_text(encoding="utf-8") for path in paths)
    words = re.findall(r'(?:error_code=|"delivery_error": )"([^"]+)"', source)
    assert documented == set(words)
