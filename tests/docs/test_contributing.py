"""The map in CONTRIBUTING.md leads to the code, and its floors are those of the linter."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import pages

PAGE = pages.ROOT / "CONTRIBUTING.md"
PACKAGE = pages.ROOT / "django_sms_otp"
QUESTIONS = pages.rows(PAGE, "Where to look")

PATH = re.compile(r"[\w/]+(?:/|\.py|\.toml)")


def steps(row: list[str]) -> Iterator[tuple[Path, str]]:
    """Return each path of a row with a name that its file defines, or no name."""
    folder, path = PACKAGE, PACKAGE
    for word in re.findall(r"`([^`]+)`", " ".join(row[1:])):
        if PATH.fullmatch(word):
            inside = folder / word
            path = inside if inside.exists() else PACKAGE / word
            folder = path if path.is_dir() else PACKAGE
            yield path, ""
        else:
            yield path, word


def names_in(path: Path) -> set[str]:
    """Return the names that a module defines at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(each.id for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def test_the_map_answers_seven_questions() -> None:
    assert len(QUESTIONS) == 7


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row[0])
def test_the_map_leads_to_code(row: list[str]) -> None:
    found = list(steps(row))
    assert found
    for path, name in found:
        assert path.exists(), path
        assert not name or name in names_in(path), f"{path} does not define {name}"


def test_the_map_leads_to_the_error_of_twilio() -> None:
    [row] = [each for each in QUESTIONS if "21610" in each[0]]
    [table] = [path for path, _ in steps(row) if path.suffix == ".toml"]
    assert "21610" in table.read_text(encoding="utf-8")


def test_the_floors_are_those_of_the_linter() -> None:
    with (pages.ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each["type"] == "layers"]
    shown = [re.findall(r"`(\w+)`", row[0]) for row in pages.rows(PAGE, "Floors")]
    assert shown == [
        [name for name in floor.split(" | ") if is_there(name)] for floor in layers
    ]


def is_there(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
