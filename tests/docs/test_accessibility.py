"""The page on accessibility names each criterion once, and tests that there are."""

from __future__ import annotations

import re

from . import pages

CRITERIA = 55
"""Of WCAG 2.2, levels A and AA: 31 and 24."""

DEFAULT = "tests/browser/"


def test_each_test_that_is_named_is_there() -> None:
    text = pages.page("accessibility.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", text))
    assert len(named) > 15
    for file, name in named:
        path = pages.ROOT / (file if "/" in file else DEFAULT + file)
        assert f"\ndef {name}(" in path.read_text(encoding="utf-8"), f"{file}::{name}"


def test_each_criterion_is_there_once() -> None:
    lines = pages.page("accessibility.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| ")]
    found = re.findall(r"\d\.\d\.\d+", " ".join(cells))
    assert len(found) == len(set(found)) == CRITERIA
