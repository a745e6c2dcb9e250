"""What benchmarks/peers makes of its measurements: verdicts, tables, a chart, a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from benchmarks.peers import targets
from benchmarks.peers.chart import chart
from benchmarks.peers.contestants import BARE, OWN, ROOT, STATEMENTS, title
from benchmarks.peers.effort import STEPS, Effort
from benchmarks.peers.page import BEGIN, END, write
from benchmarks.peers.plan import QUICK
from benchmarks.peers.process import Contestant
from benchmarks.peers.promises import broken_promises
from benchmarks.peers.purges import Purge, purge
from benchmarks.peers.results import Results
from benchmarks.peers.starts import Start, beside
from benchmarks.peers.tables import tables
from benchmarks.peers.timing import Growth, Load, Share

PEER = "allauth"


def effort(*calls: int) -> Effort:
    return Effort(dict.fromkeys(STEPS, 1), dict(zip(STEPS, calls, strict=True)))


def share(times: float) -> Mapping[str, Share]:
    return dict.fromkeys(STEPS, Share(times, times))


def growth(times: float) -> Growth:
    return Growth({**dict.fromkeys(STEPS, times), "login": times}, 1.0)


KEPT = Results(
    machine={"Python": "3.11"},
    starts={BARE: Start(1.0, 0.0, 0), OWN: Start(1.1, 0.04, 10**7)},
    efforts={BARE: effort(100, 100, 100), OWN: effort(200, 120, 120)},
    shares={BARE: share(1.0), OWN: share(1.5), STATEMENTS: share(1.2), PEER: share(1.5)},
    loads={
        BARE: Load(1.0, 1.0, 1.0),
        OWN: Load(0.85, 1.2, 1.2),
        STATEMENTS: Load(0.9, 1.1, 1.1),
        PEER: Load(0.85, 2.0, 2.0),
    },
    growth={OWN: {0: growth(1.0), 10**7: growth(1.1)}},
    purges={OWN: Purge(1.5, 0.2), BARE: None},
)

Change = Callable[[Results], Mapping[str, Any]]


def test_a_promise_is_kept_up_to_its_figure() -> None:
    assert broken_promises(KEPT) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: {"efforts": {**r.efforts, OWN: effort(201, 120, 120)}}, "get-code: 2.01"),
        (lambda r: {"efforts": {**r.efforts, OWN: effort(200, 121, 120)}}, "auth-code: 1.21"),
        (lambda r: {"efforts": {**r.efforts, OWN: effort(200, 120, 121)}}, "wrong code: 1.21"),
        (
            lambda r: {"loads": {BARE: r.loads[BARE], OWN: Load(0.849, 1.2, 1.2)}},
            "0.849 of the bare app's logins",
        ),
        (
            lambda r: {"loads": {**r.loads, PEER: Load(0.9, 1.0, 1.0)}},
            f"{title(PEER)} has more logins",
        ),
        (
            lambda r: {
                "shares": {**r.shares, PEER: {**share(1.5), "get-code": Share(1.4, 1.0)}}
            },
            f"{title(PEER)} takes less time for get-code",
        ),
        (
            lambda r: {
                "shares": {**r.shares, PEER: {**share(1.5), "auth-code": Share(1.4, 1.0)}}
            },
            f"{title(PEER)} takes less time for auth-code",
        ),
        (lambda r: {"starts": {OWN: Start(1.1, 0.041, 0)}}, "adds 41 ms"),
        (lambda r: {"starts": {OWN: Start(1.1, 0.0, 11 * 10**6)}}, "adds 11.0 MB"),
        (lambda r: {"growth": {OWN: {10**7: growth(1.11)}}}, "10000000 rows takes 1.11"),
        (lambda r: {"purges": {OWN: Purge(1.51, 0.2)}}, "a purge takes 1.51"),
        (lambda r: {"purges": {OWN: Purge(1.5, 0.201)}}, "a batch of the purge takes 0.201"),
    ],
)
def test_a_promise_that_is_not_kept_is_told(change: Change, told: str) -> None:
    (line,) = broken_promises(replace(KEPT, **change(KEPT)))
    assert told in line


def test_a_row_for_each_contestant_and_size() -> None:
    lines = tables(KEPT).splitlines()
    assert "| django-sms-otp | 200 (2.00) | 120 (1.20) | 120 (1.20) |" in lines
    assert "| django-sms-otp | 0.85 | 1.20 | 1.20 |" in lines
    assert "| django-sms-otp | 1.10 | 40 | 10.0 |" in lines
    assert "| django-sms-otp | 10 000 000 | 1.10 | 1.10 | 1.10 | 1.00 |" in lines
    assert "| django-sms-otp | 1.50 | 200 ms |" in lines
    assert "| bare app | has none |  |" in lines


def test_the_chart_has_a_bar_for_each_contestant_as_long_as_its_share() -> None:
    root = ElementTree.fromstring(chart(KEPT))
    bars = [each for each in root.iter() if each.get("class") in {"own", "other"}]
    bare, own, alone, peer = (float(bar.get("width") or 0) for bar in bars)
    assert own == peer == pytest.approx(0.85 * bare)
    assert alone == pytest.approx(0.9 * bare)


def test_a_page_gets_the_tables_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "figures.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write(page, KEPT)
        text = page.read_text()
        assert text.startswith(f"before\n{BEGIN}\n\n![Logins a second](figures.svg)\n")
        assert text.endswith(f"\n{END}\nafter\n")
        assert text.count(tables(KEPT)) == 1
        assert "old" not in text
    assert (tmp_path / "figures.svg").read_text() == chart(KEPT)


def test_a_page_keeps_what_was_not_measured_again(tmp_path: Path) -> None:
    page = tmp_path / "figures.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    write(page, KEPT)
    faster = {**KEPT.loads, OWN: Load(0.95, 1.1, 1.1)}
    write(page, replace(KEPT, loads=faster, growth={}, purges={}))
    again = replace(KEPT, loads=faster)
    assert tables(again) in page.read_text()
    assert broken_promises(replace(again, growth={}, purges={})) == []


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "figures.md"
    page.write_text("text\n")
    with pytest.raises(ValueError, match="has no"):
        write(page, KEPT)
    assert page.read_text() == "text\n"


def test_the_page_promises_what_is_held() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    (table,) = re.findall(r"\| what \| promise \|\n(.*?)\n\n", text, re.DOTALL)
    promised = " ".join(re.findall(r"at (?:most|least) ([\d., and]+)", table))
    figures = [float(figure) for figure in re.findall(r"\d[\d.]*", promised)]
    assert figures == [
        *targets.MOST_CALLS.values(),
        targets.LEAST_LOGINS,
        targets.MOST_GROWTH,
        1000 * targets.MOST_START_TIME,
        targets.MOST_START_MEMORY / 10**6,
        targets.MOST_PURGE,
        1000 * targets.LONGEST_BATCH,
    ]


def test_a_start_is_told_by_quiet_moments_and_not_by_one_lucky_one() -> None:
    bare = [(0.1, 100), *[(1.0, 100)] * 9, *[(1.7, 100)] * 50]
    own = [*[(1.25, 300)] * 10, *[(2.5, 300)] * 50]
    assert beside(own, bare) == Start(ratio=1.25, seconds=0.25, memory=200)


def test_a_purge_is_told_without_the_first_that_also_adds_up() -> None:
    # Of an empty database, the first of many rows, and those that are told.
    purges = iter([(0.1, 0.1), (9.0, 0.9), (2.0, 0.1), (8.0, 0.3), (4.0, 0.2)])

    class Site:
        def tell(self, command: str, *_: Any) -> Any:
            return {"purge": lambda: next(purges), "delete": lambda: 2.0}.get(command, str)()

    found = purge(cast("Contestant", Site()), replace(QUICK, purges=3))
    assert found == Purge(ratio=2.0, longest=0.3)
