"""Check that a command of the documentation exists and accepts its flags."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable
from configparser import ConfigParser

from celery.bin.worker import worker
from django.core.management import get_commands, load_command_class
from django.test import override_settings

from tests.support.engines import DATABASE

from .pages import ROOT

__all__ = ["check_command", "check_manage", "tox_environments"]

ENVIRONMENT_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*=\S+")


def check_command(words: list[str]) -> None:
    """Fail if a command, or one of its words, is unknown."""
    program = words[0].rsplit("/", 1)[-1]
    assert program in PROGRAMS, f"{program}: teach tests/docs/command_lines.py to check it"
    PROGRAMS[program](words[1:])


def check_manage(words: list[str]) -> None:
    """Parse the command line as ``manage.py`` does."""
    name, *arguments = words
    apps = get_commands()
    # runserver of staticfiles has the name of Django's own.
    assert name in apps, f"manage.py has no command {name!r}"
    app = apps[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    with override_settings(TASKS=DATABASE):  # Commands of a worker ask for their backend.
        command.create_parser("manage.py", name).parse_args(arguments)


def tox_environments() -> set[str]:
    """Return the environments that tox.ini lists, or labels, or has a section for."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini")
    labelled = config["tox"]["labels"].replace("\\", "").partition("=")[2]
    names = re.findall(r"(?:[\w-]|\{[^}]*\})+", config["tox"]["env_list"] + labelled)
    listed = {each for name in names for each in _expanded(name)}
    sections = {name.removeprefix("testenv:") for name in config if ":" in name}
    return listed | sections


def _expanded(name: str) -> list[str]:
    found = re.search(r"\{([^}]*)\}", name)
    if found is None:
        return [name]
    return [
        each
        for choice in found[1].split(",")
        for each in _expanded(name.replace(found[0], choice, 1))
    ]


def _python(words: list[str]) -> None:
    if words[0] == "manage.py":
        check_manage(words[1:])
    else:
        assert words == ["-m", "venv", ".venv"]


def _pip(words: list[str]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert words[0] == "install"
    if words[1:] == ["django-tasks-db"]:
        return
    for word in words[1:]:
        found = re.fullmatch(r"-q|tox|(?:\.{1,2}/)?([a-z-]+)(?:\[([\w,]+)\])?", word)
        assert found, word
        assert found[1] in {None, project["name"]}, word
        extras = found[2].split(",") if found[2] else []
        assert {*extras} <= {*project["optional-dependencies"]}, word


def _tox(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    run = parser.add_subparsers().add_parser("run")
    run.add_argument("-e", dest="environment", choices=tox_environments())
    run.add_argument("-m", dest="label", choices=["all"])
    end = words.index("--") if "--" in words else len(words)
    parser.parse_args(words[:end])
    assert all((ROOT / word).exists() for word in words[end + 1 :] if "/" in word)


def _export(words: list[str]) -> None:
    assert all(ENVIRONMENT_VARIABLE.fullmatch(word) for word in words), words


def _celery(words: list[str]) -> None:
    assert words[:3] == ["-A", "shop", "worker"]
    worker.make_context("worker", words[3:], resilient_parsing=True)


def _django_admin(words: list[str]) -> None:
    check_manage(words)


def _nothing(words: list[str]) -> None:
    """Requests are replayed by test_replay.py and test_tutorial.py."""
    assert words


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "cd": _nothing,
    "celery": _celery,
    "curl": _nothing,
    "django-admin": _django_admin,
    "export": _export,
    "mkdir": _nothing,
    "pip": _pip,
    "python": _python,
    "python3": _python,
    "source": _nothing,
    "tox": _tox,
}
