"""benchmarks/sizing: how it measures, what it takes for broken, and what the page shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.sizing import page
from benchmarks.sizing.costs import Cost
from benchmarks.sizing.growth import Growth, Point, measure
from benchmarks.sizing.lines import Line
from benchmarks.sizing.plan import Plan
from benchmarks.sizing.processes import parent_of, processor_seconds
from benchmarks.sizing.rates import Connected, HotRow, Workers
from benchmarks.sizing.results import Results, broken_laws
from benchmarks.sizing.sites import address, phone
from benchmarks.sizing.tables import tables
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from tests.docs import pages

COST = Cost(site=0.01, database=0.002, written=3000)
PAGE = pages.page("sizing.md")


def point(number: int, again: Cost = COST) -> Point:
    sizes = {
        "codes": 8192 + 900 * number,
        "limits": 600 * number,
        "users and numbers": 500 * number,
    }
    return Point(people=number, codes=number, sizes=sizes, first=COST, again=again)


def results(growth: Growth) -> Results:
    return Results(
        growth=growth,
        workers=[Workers(workers=2, rate=1.9, site=1.0, busy=0.9)],
        connections=[Connected(workers=2, threads=4, most=8)],
        without=1.5,
        hot_rows=[HotRow(clients=4, disk=True, row=0.5, valkey=0.9)],
    )


GOOD = results(
    Growth(
        real=[point(100), point(200), point(300)],
        filled=[point(1000), point(2000)],
        after_checkpoint=COST,
    )
)


def test_a_line_goes_through_its_points() -> None:
    line = Line.through([1, 2, 3], [5, 7, 9])
    assert (line.slope, line.intercept, line.fit) == pytest.approx((2, 3, 1))
    bent = Line.through([1, 2, 3, 4], [1, 16, 81, 256])
    assert bent.fit < 0.9


def test_a_process_has_the_time_of_its_children_too() -> None:
    work = "import time\nwhile time.process_time() < 0.4: pass"
    lasting = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {work!r}])\n{work}"
    )
    before = processor_seconds(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", f"{lasting}\ninput()"], stdin=subprocess.PIPE
    ) as process:
        assert parent_of(process.pid) == os.getpid()
        deadline = time.monotonic() + 60
        while processor_seconds(process.pid) < 0.6 and time.monotonic() < deadline:
            time.sleep(0.05)
        seconds = processor_seconds(process.pid)
        process.communicate(b"\n")
    assert 0.6 <= seconds < 3
    assert processor_seconds(os.getpid()) - before >= seconds


def test_a_process_that_is_gone_is_no_server_of_this_machine() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(60)
    with pytest.raises(RuntimeError, match="on this machine"):
        parent_of(process.pid)


def test_people_have_numbers_and_addresses_of_their_own() -> None:
    everybody = [0, 1, 7_999_999, 8_000_000, 15_999_999]
    numbers = [parse_phone_number(phone(each)).e164 for each in everybody]
    assert len({*numbers}) == len({*map(address, everybody)}) == len(everybody)


def test_laws_that_hold() -> None:
    assert not broken_laws(GOOD)


@pytest.mark.parametrize("figure", ["site", "database", "written"])
def test_what_a_login_takes_must_not_grow_with_rows(figure: str) -> None:
    dear = replace(COST, **{figure: getattr(COST, figure) * 2})
    growth = replace(GOOD.growth, filled=[point(1000), point(2000, again=dear)])
    assert broken_laws(results(growth)) == [f"{figure} of a login: up to 2.00 times the first"]


def test_a_table_must_grow_in_a_straight_line() -> None:
    bent = replace(point(300), sizes={**point(300).sizes, "limits": 10**7})
    real = [point(100), point(200), bent]
    [broken] = broken_laws(results(replace(GOOD.growth, real=real)))
    assert broken.startswith("limits: no straight line")


def test_there_must_be_no_more_connections_than_threads() -> None:
    found = replace(GOOD, connections=[Connected(workers=2, threads=4, most=9)])
    assert broken_laws(found) == ["9 connections of 2 processes with 4 threads"]


def test_the_page_has_the_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables(GOOD).items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        shown = text.partition(begin)[2].partition(end)[0].strip()
        assert shown.splitlines()[0] == table.splitlines()[0]
        assert len(shown.splitlines()) > 2


def test_tables_are_put_between_their_marks(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- a: begin -->\n\nold\n\n<!-- a: end -->\nafter\n")
    page.write(file, {"a": "new"})
    assert file.read_text() == "before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\nafter\n"
    with pytest.raises(ValueError, match="<!-- b: begin -->"):
        page.write(file, {"b": "new"})


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL tells of itself.")
@pytest.mark.django_db(transaction=True)
def test_a_little_of_it_is_measured() -> None:
    plan = Plan(people=(20, 60), codes=(500, 1500), sample=20, turn=0, rounds=0, clients=())
    before = page_images()
    growth = measure(plan)
    assert [each.people for each in growth.real] == [20, 60]
    # Each first login, and those of the sample after the point before.
    assert [each.codes for each in growth.real] == [20, 80]
    assert [each.codes for each in growth.filled] == [500, 1500]
    assert OTPCode.objects.exclude(redeemed_at=None).count() == OTPCode.objects.count()
    again = [each.again for each in (*growth.real, *growth.filled)]
    assert all(each.site > 0 and 1000 < each.written < 20_000 for each in again)
    assert growth.after_checkpoint.written > 2 * again[-1].written, "whole pages"
    assert 200 < growth.line_of_copies.slope < 1000
    assert page_images() == before


def page_images() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW full_page_writes")
        return str(cursor.fetchone()[0])
