"""Every fenced block of every page is run or checked, by its language and title."""

from __future__ import annotations

import json
import logging.config
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.shortcuts import render
from django.test import Client, override_settings
from django.urls import reverse

from django_sms_otp import backends, conf
from django_sms_otp.delivery import messages
from django_sms_otp.purposes import LOGIN
from tests.conftest import PHONE
from tests.support.customers.models import EmailCustomer

from . import pages
from .command_lines import check_command, check_manage
from .conftest import ENVIRONMENT
from .pages import Block
from .test_examples import EXERCISED

Modules = Callable[[Path], dict[str, Any]]

APPS = ["django.contrib.auth", "django.contrib.contenttypes"]

SETTINGS = pages.page("settings.md")
WITH_WHOLE_POLICIES = {SETTINGS, pages.page("tutorial.md"), pages.page("xano.md")}
"""All other pages add to the policy of a site."""


def of(*languages: str) -> list[Block]:
    return [block for block in pages.all_blocks() if block.language in languages]


def python(kind: str) -> list[Block]:
    return [block for block in of("python") if kind_of(block) == kind]


def kind_of(block: Block) -> str:
    """Tell what a Python block is, by the file that its title names."""
    name = Path(block.title).name
    if name in {"settings.py", "urls.py"}:
        return name
    return "tests" if block.title.startswith("tests/test_") else "module"


def each(found: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", found, ids=str)


BASE = [
    next(each for each in python("settings.py") if each.page == SETTINGS),
    next(each for each in python("settings.py") if each.text.startswith("LOGGING = ")),
]
"""The settings of a site that has good values for production, and logs."""


def settings_of(block: Block) -> dict[str, Any]:
    """Execute a block after the settings that the site already has.

    In the tutorial these are the earlier blocks for the same file, elsewhere good values for
    production.
    """
    before = BASE
    if "/" in block.title:
        earlier = [each for each in pages.blocks(block.page) if each.line < block.line]
        before = [each for each in earlier if each.title == block.title]
    values: dict[str, Any] = {"INSTALLED_APPS": list(APPS)}
    for each_block in [*before, block]:
        exec(compile(each_block.text, str(each_block), "exec"), values)
    return {key: value for key, value in values.items() if key.isupper()}


def test_every_block_is_of_a_known_kind() -> None:
    known = {"python", "json", "console", "text", "html", "nginx", "csv", "promql", "css"}
    for block in pages.all_blocks():
        assert block.language in known, f"{block}: nothing checks {block.language!r}"
        if block.language == "python":
            assert block.title.endswith(".py"), f"{block}: title= must name its file"
        if block.language == "text":
            assert block.title in {"SMS", "crontab"}, str(block)


@each(of("python"))
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")
    assert max(map(len, block.text.splitlines())) <= 99, "too long for a page"


@each(python("settings.py"))
def test_settings_hold(block: Block, modules: Modules) -> None:
    modules(block.page)
    values = settings_of(block)
    apps = values.pop("INSTALLED_APPS")
    assert [AppConfig.create(name) for name in apps]
    assert len(set(apps)) == len(apps)
    if "django_sms_otp" in apps:
        assert apps.index("rest_framework") < apps.index("django_sms_otp")
    log_config = values.pop("LOGGING", None)
    if "LOGGING" in block.text:
        check_logging(log_config)
    if "USER_PHONE_FIELD" in values.get("SMS_OTP", {}):
        values["AUTH_USER_MODEL"] = "customers.PhoneCustomer"
    with override_settings(**values):
        conf.get_settings()
        for alias in conf.backend_aliases():
            backends.get_backend(alias)
        errors = [
            found for found in run_checks(databases=[]) if str(found.id).startswith("sms_otp.E")
        ]
    assert not errors


@each(python("settings.py"))
def test_settings_leave_the_policy_of_the_site(block: Block, environment: None) -> None:
    if block.page not in WITH_WHOLE_POLICIES:
        assert set(settings_of(BASE[0])["SMS_OTP"]) <= set(settings_of(block)["SMS_OTP"])


def check_logging(config: dict[str, Any]) -> None:
    parsed = logging.config.DictConfigurator(config)
    for logger in parsed.config["loggers"].values():
        assert logger["level"] in logging.getLevelNamesMapping()
        assert set(logger.get("handlers", ())) <= set(config["handlers"])
        assert "handlers" not in logger or logger["propagate"] is False, "shown twice"


@each(python("urls.py"))
def test_urls_resolve(block: Block) -> None:
    module = types.ModuleType("documented_urls")
    exec(compile(block.text, str(block), "exec"), module.__dict__)
    with override_settings(ROOT_URLCONF=module):
        if "django_sms_otp.web" in block.text:
            assert reverse("sms_otp_web:code") == "/login/code/"
            return
        assert reverse("sms_otp:get-code") == "/auth/sms/get-code/"
        assert reverse("sms_otp:auth-code") == "/auth/sms/auth-code/"


@each(python("tests"))
def test_tests_pass(block: Block, tmp_path: Path) -> None:
    file = tmp_path / Path(block.title).name
    file.write_text(block.text, encoding="utf-8")
    # What it imports of the page's own modules.
    (tmp_path / "shop").mkdir()
    for module in pages.blocks(block.page):
        if module.title.startswith("shop/"):
            (tmp_path / module.title).write_text(module.text, encoding="utf-8")
    # A database of its own, and no measuring of what two tests cover.
    ours = {"DATABASE_URL", "TEST_DATABASE", "TEST_SQLITE_FOLDER", "PYTEST_ADDOPTS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    config = ["-c", str(pages.ROOT / "pyproject.toml"), "--rootdir", str(pages.ROOT)]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *config, str(file)],
        capture_output=True,
        check=False,
        cwd=pages.ROOT,
        env=environment,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout


@each(python("module"))
def test_modules_are_exercised(block: Block, modules: Modules) -> None:
    name = pages.module_name(block)
    assert name in modules(block.page)
    assert name in EXERCISED, f"{block}: test_examples.py does nothing with {name}"


@each(of("json"))
def test_json_parses(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@each(of("console"))
def test_commands_are_known(block: Block) -> None:
    for words in pages.commands(block):
        check_command(words)


@each([block for block in of("html") if block.title])
@pytest.mark.django_db
def test_templates_are_shown(block: Block, client: Client, tmp_path: Path) -> None:
    name = block.title.partition("templates/")[2]
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(block.text, encoding="utf-8")
    templates = [{**django_settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    client.post("/login/", {"phone_number": PHONE})
    with override_settings(TEMPLATES=templates):
        if name.startswith("shop/"):
            request = client.get("/login/").wsgi_request
            page = render(request, name).content.decode()
            assert 'name="code"' in page
            assert 'value="/orders/"' in page
        else:
            page = client.get("/login/").content.decode()
            added = block.text.splitlines()[-1].partition("%}")[2].partition("{%")[0]
            assert f"{added}\n" in page
    assert 'name="phone_number"' in page


@each(of("css"))
def test_properties_are_those_of_the_style_sheet(block: Block) -> None:
    name = "django_sms_otp/static/django_sms_otp/web/login.css"
    style = (pages.ROOT / name).read_text(encoding="utf-8")
    properties = re.findall(r"--[\w-]+:", block.text)
    assert properties
    assert all(each in style for each in properties)


@each([block for block in of("html") if not block.title])
def test_html_is_well_formed(block: Block) -> None:
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Parser().feed(block.text)
    [(_, label), (_, field)] = seen
    assert label["for"] == field["id"]
    assert field["autocomplete"] == "one-time-code"
    assert field["inputmode"] == "numeric"


@each(of("nginx"))
def test_nginx_is_balanced(block: Block) -> None:
    lines = [line.strip() for line in block.text.splitlines() if line.strip()]
    assert all(line[-1] in ";{}" for line in lines)
    assert block.text.count("{") == block.text.count("}")
    # TRUSTED_PROXY_COUNT counts what each proxy appends.
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in lines


@each([block for block in of("text") if block.title == "crontab"])
def test_crontab_runs_a_command(block: Block) -> None:
    for line in block.text.splitlines():
        *times, python_path, manage, command = line.split(maxsplit=7)[:8]
        assert len(times) == 5
        assert python_path.endswith("/python")
        assert manage.endswith("/manage.py")
        check_manage(command.split())


@each([block for block in of("text") if block.title == "SMS"])
def test_sms_says_so(block: Block, environment: None) -> None:
    before = [
        each
        for each in pages.blocks(block.page)
        if each.title.endswith("settings.py") and each.line < block.line
    ]
    policy = settings_of(before[-1])["SMS_OTP"]
    with override_settings(SMS_OTP=policy):
        login = conf.get_settings().purpose(LOGIN)
        text = messages.compose("492817", login, valid_for=login.code_lifetime)
        assert text == block.text.strip()


@each(of("csv"))
@pytest.mark.django_db
def test_csv_is_imported(block: Block, tmp_path: Path) -> None:
    file = tmp_path / block.title
    file.write_text(block.text, encoding="utf-8")
    [words] = [
        words
        for each in of("console")
        for words in pages.commands(each)
        if block.title in words
    ]
    arguments = [str(file) if word == block.title else word for word in words[2:]]
    # A dry run: this model is not the one that VerifiedPhone points at.
    with override_settings(AUTH_USER_MODEL="customers.EmailCustomer"):
        for line in block.text.splitlines()[1:]:
            email = line.split(",")[0]
            EmailCustomer._default_manager.create(email=email, tariff="a")
        printed = StringIO()
        call_command(*arguments, "--dry-run", stdout=printed, stderr=StringIO())
    assert "Would link 2 numbers; 0 were linked already; 0 refused." in printed.getvalue()


def test_environment_has_no_spare_names() -> None:
    """The examples use each variable."""
    text = "".join(block.text for block in of("python", "console"))
    assert not [name for name in ENVIRONMENT if name not in text]
