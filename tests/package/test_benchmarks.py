"""The benchmarks stay small, and share no code with the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"

MOST_LINES = 3_000

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="an sdist has no benchmarks")


def lines_of(folder: Path) -> list[str]:
    files = folder.rglob("*.py")
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_the_benchmarks_are_few_lines() -> None:
    assert 0 < len(lines_of(BENCHMARKS)) <= MOST_LINES


@pytest.mark.parametrize(
    ("folder", "other"),
    [("benchmarks", "tests"), ("tests", "benchmarks"), ("django_sms_otp", "benchmarks")],
)
def test_neither_imports_the_other(folder: str, other: str) -> None:
    imports = re.compile(rf"\s*(from|import) {other}\b")
    assert not [line for line in lines_of(ROOT / folder) if imports.match(line)]
