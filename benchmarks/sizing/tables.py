"""What was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from .growth import Growth, Point
from .lines import Line
from .rates import Connected, HotRow, Workers
from .results import Results

__all__ = ["tables"]

KIB = 1024
PERIODS = {"month": timedelta(days=30), "day": timedelta(days=1), "hour": timedelta(hours=1)}


def tables(results: Results) -> dict[str, str]:
    """Return the tables by the name of their place on the page."""
    return {
        "points": _points(results.growth),
        "lines": _lines(results.growth),
        "workers": _workers(results.workers),
        "connections": _connections(results.connections, results.without),
        "hot rows": _hot_rows(results.hot_rows),
        "examples": _examples(results.growth),
    }


def _points(growth: Growth) -> str:
    head = (
        *("people", "codes", "codes, KiB", "limits, KiB", "users and numbers, KiB"),
        *("log of a first login", "of another", "site's time", "database's", "database / site"),
    )
    first = growth.real[0].again
    rows = [_point_cells(each, growth.real[0]) for each in (*growth.real, *growth.filled)]
    after = growth.after_checkpoint
    last = [
        *("the same, just after a checkpoint", "", "", "", "", ""),
        _bytes(after.written),
        f"{after.site / first.site:.2f}",
        f"{after.database / first.database:.2f}",
        f"{after.database / after.site:.2f}",
    ]
    return _table(head, [*rows, last])


def _point_cells(point: Point, first: Point) -> list[str]:
    return [
        f"{point.people:,}",
        f"{point.codes:,}",
        *(f"{size / KIB:,.0f}" for size in point.sizes.values()),
        _bytes(point.first.written) if point.first else "",
        _bytes(point.again.written),
        f"{point.again.site / first.again.site:.2f}",
        f"{point.again.database / first.again.database:.2f}",
        f"{point.again.database / point.again.site:.2f}",
    ]


def _lines(growth: Growth) -> str:
    rows = [
        _line_cells("a code, sent and redeemed", growth.line("codes")),
        _line_cells("a code, copied: never changed", growth.line_of_copies),
        _line_cells("a number and its address, in the limits", growth.line("limits")),
        _line_cells("a user and their number", growth.line("users and numbers")),
    ]
    return _table(("one more", "bytes, with indexes", "fit (r²)"), rows)


def _line_cells(what: str, line: Line) -> list[str]:
    return [what, f"{line.slope:,.0f}", f"{line.fit:.4f}"]


def _workers(found: Iterable[Workers]) -> str:
    head = ("processes", "logins a second", "site's time of a login", "machine in use")
    rows = [
        [str(each.workers), f"{each.rate:.2f}", f"{each.site:.2f}", f"{each.busy:.0%}"]
        for each in found
    ]
    return _table(head, rows)


def _connections(found: Iterable[Connected], without: float) -> str:
    rows = [[str(each.workers), str(each.threads), str(each.most)] for each in found]
    told = f"Without `CONN_MAX_AGE` a login takes {without:.2f} times as much of the database."
    return f"{_table(('processes', 'threads of each', 'connections'), rows)}\n\n{told}"


def _hot_rows(found: Iterable[HotRow]) -> str:
    head = ("clients at a time", "a commit waits for the disk", "in a row", "in Valkey")
    rows = [
        [
            str(each.clients),
            "yes" if each.disk else "no",
            f"{each.row:.2f}",
            f"{each.valkey:.2f}",
        ]
        for each in found
    ]
    return _table(head, rows)


def _examples(growth: Growth) -> str:
    head = (
        *("a million logins each", "logins a second", "codes of 30 days", "codes of 6 hours"),
        *("log a day, at least", "processors of the site", "of the database"),
    )
    return _table(head, [_example_cells(growth, *each) for each in PERIODS.items()])


def _example_cells(growth: Growth, period: str, length: timedelta) -> list[str]:
    a_second = 1_000_000 / length.total_seconds()
    a_day = a_second * timedelta(days=1).total_seconds()
    code, cost = growth.line("codes").slope, growth.real[0].again
    return [
        period,
        f"{a_second:,.1f}",
        _large(code * a_day * 30),
        _large(code * a_day / 4),
        _large(cost.written * a_day),
        f"{cost.site * a_second:.2f}",
        f"{cost.database * a_second:.2f}",
    ]


def _large(count: float) -> str:
    return f"{count / 10**9:,.1f} GB"


def _bytes(count: float) -> str:
    return f"{count:,.0f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
