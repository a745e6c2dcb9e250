"""Which figures count as a limit that held."""

from __future__ import annotations

import pytest

from tests.attacks.figures import Figure, Row, answered, table
from tests.docs.pages import ROOT
from tests.support.server import Answer


@pytest.mark.parametrize(
    ("allowed", "measured", "at_most", "holds"),
    [
        (1, [1, 1], False, True),
        (1, [1, 2], False, False),
        (1, [0], False, False),
        (5, [5, 0], True, True),
        (5, [6, 0], True, False),
        (None, [7], False, True),
    ],
)
def test_a_figure_holds_in_every_round_or_not_at_all(
    allowed: int | None, measured: list[int], at_most: bool, holds: bool
) -> None:
    figure = Figure(what="messages", allowed=allowed, measured=measured, at_most=at_most)
    assert figure.holds is holds


def test_an_answer_that_nobody_expected_breaks_the_limit() -> None:
    rounds = [[Answer(202, {}, {})], [Answer(503, {"code": "busy"}, {})]]
    figures = answered({"202": 1}, rounds)
    assert [(each.what, each.measured, each.holds) for each in figures] == [
        ("`202`", [1, 0], False),
        ("`503 busy`", [0, 1], False),
    ]


def test_a_row_says_what_was_allowed_and_what_was_measured() -> None:
    figures = [
        Figure(what="messages", allowed=1, measured=[1, 3]),
        Figure(what="evaluated", allowed=5, measured=[5], at_most=True),
        Figure(what="hours", allowed=None, measured=[9]),
    ]
    line = table([Row(attack="many", parameters="2 rounds", figures=figures)]).splitlines()[-1]
    assert line == (
        "| many | 2 rounds | messages: 1; evaluated: at most 5 "
        "| messages: 1 to 3; evaluated: 5; hours: 9 |"
    )


def test_the_page_tells_of_each_attack_once() -> None:
    lines = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    told = [tuple(line.split("|")[1:3]) for line in rows]
    assert len(told) == len(set(told)) > 15
