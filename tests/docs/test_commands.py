"""Names of commands and environments in running text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import pages
from .command_lines import check_manage, tox_environments


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_environments_in_prose_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"tox run -e ([\w-]+)", text)) <= tox_environments()


def test_contributing_lists_every_environment() -> None:
    table = pages.rows(pages.ROOT / "CONTRIBUTING.md", "Environments")
    listed = {name for row in table for name in re.findall(r"`([\w-]+)`", row[0])}
    assert listed == tox_environments()


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_commands_in_prose_exist(path: Path) -> None:
    for line in pages.prose(path):
        for words in re.findall(r"`(?:manage\.py )?(check --[^`]+|manage\.py [^`]+)`", line):
            check_manage(words.removeprefix("manage.py ").split())


@pytest.mark.parametrize(
    ("name", "heading", "command"),
    [
        ("operations.md", "purge_otp_codes", "purge_otp_codes"),
        ("monitoring.md", "send_test_sms", "send_test_sms"),
        ("users.md", "Customers that you have already", "import_verified_phones"),
    ],
)
def test_flags_are_all_there(name: str, heading: str, command: str) -> None:
    from django.core.management import load_command_class

    parser = load_command_class("django_sms_otp", command).create_parser("manage.py", command)
    django_own = {"version", "verbosity", "settings", "pythonpath", "traceback", "no_color"}
    django_own |= {"force_color", "skip_checks", "help"}
    flags = {
        action.option_strings[-1]: action
        for action in parser._actions
        if action.option_strings and action.dest not in django_own
    }
    table = [row for row in pages.rows(pages.page(name), heading) if row[0].startswith("`--")]
    documented = {row[0].strip("`").split()[0]: row for row in table}
    assert set(documented) == set(flags)
    for flag, row in documented.items():
        metavar = flags[flag].metavar
        assert row[0] == f"`{flag} {metavar}`" if metavar else f"`{flag}`"
        if flag == "--batch-size":
            assert f"default: {flags[flag].default}" in row[1]
