"""The run of benchmarks/delivery, with fewer requests: what people meet is right.

How fast it is shows at full size only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.delivery.figures import Row, Timed, p99, table
from benchmarks.delivery.site import Site, Size, rows


@pytest.mark.django_db(transaction=True)
def test_while_a_gateway_is_down_people_get_their_codes() -> None:
    with Site.started(Size(workers=3, rounds=1, requests=15, clients=3)) as site:
        found = list(rows(site))
        log = site.server.log()
    assert all(row.is_right for row in found), f"\n{table(found)}\n{log}"
    refused, hung = found
    # Nobody waits for a gateway that refuses; those who wait for one that hangs do so once.
    assert refused.slowest < 0.8 <= hung.slowest < 1.5
    assert max(each.seconds for each in hung.after) < hung.timeout
    assert log.count("times in a row: passed over") == 2
    assert "Traceback" not in log


def test_the_page_shows_such_a_table() -> None:
    page = Path(__file__).parents[1] / "docs" / "failover.md"
    assert table([]).splitlines()[0] in page.read_text(encoding="utf-8")


def test_p99_is_what_one_in_a_hundred_exceeds() -> None:
    assert p99([Timed(202, seconds) for seconds in range(1, 201)]) == 198
    assert p99([Timed(202, 3)]) == 3


@pytest.mark.parametrize(
    ("changes", "is_right", "is_fast"),
    [
        ({}, True, True),
        ({"after": [Timed(202, 0.16)]}, True, False),
        ({"before": [Timed(503, 1.01)]}, True, False),
        ({"before": [Timed(500, 1.0)]}, False, True),
        ({"after": [Timed(503, 0.1)]}, False, True),
        ({"healthy": [Timed(503, 0.1)]}, False, True),
        ({"most_messages": 2}, False, True),
    ],
)
def test_a_row_knows_what_is_right_and_what_is_fast(
    changes: dict[str, object], is_right: bool, is_fast: bool
) -> None:
    values: dict[str, object] = {
        "fault": "hangs",
        "timeout": 1.0,
        "healthy": [Timed(202, 0.1)],
        "before": [Timed(503, 1.0)],
        "after": [Timed(202, 0.1)],
        "expected": frozenset({202, 503}),
        "most_messages": 1,
    }
    row = Row(**{**values, **changes})  # type: ignore[arg-type]
    assert (row.is_right, row.is_fast) == (is_right, is_fast)
