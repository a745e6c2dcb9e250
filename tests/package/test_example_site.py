"""The example site: its home page, and the password that each start prints."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import Client, override_settings

SITE = Path(__file__).resolve().parents[2] / "example_project"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script, with the packages of the site."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SITE))
    spec = importlib.util.spec_from_file_location("serve", SITE / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "example":
            del sys.modules[name]


@pytest.mark.usefixtures("serve")
@pytest.mark.django_db
def test_the_home_page_says_how_to_log_in() -> None:
    settings = importlib.import_module("example.settings")
    with override_settings(ROOT_URLCONF="example.urls", TEMPLATES=settings.TEMPLATES):
        client = Client()
        answer = client.get("/")
        shown = answer.content.decode()
        assert answer.status_code == 200
        for path in ("/api/auth/sms/get-code/", "/api/auth/sms/auth-code/"):
            assert f"curl http://testserver{path} " in shown
        assert 'href="/admin/"' in shown
        assert "serve.py" in shown


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
