"""The first page is small, and there at once on a slow phone."""

from __future__ import annotations

from typing import Any

from .conftest import NewPerson
from .person import Person

SIZES = """() => Object.fromEntries(
  [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((each) => [each.name.split("/").pop() || "page", each.decodedBodySize]))"""

SLOWER = 4
"""How many times longer a slow phone's processor takes than this one."""

LIMIT = 100
"""Milliseconds."""

LOADS = 6

WORK = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")


def test_the_first_page_is_below_50_kilobytes(person: Person) -> None:
    person.page.goto("/login/", wait_until="networkidle")
    sizes: dict[str, int] = person.page.evaluate(SIZES)
    sizes.pop("favicon.ico", None)  # The site's: a browser asks for it by itself.
    assert set(sizes) == {"page", "login.css", "login.js"}
    assert all(sizes.values())
    assert sum(sizes.values()) < 50_000, sizes


def test_the_first_page_is_usable_within_100_milliseconds_on_a_slow_phone(
    new_person: NewPerson,
) -> None:
    """What is measured is the processor time of the page's thread for script, style and layout,
    which follow the HTML. A busy machine adds little to it, unlike to a time by the clock. Each
    load is a first visit, and the quickest counts."""
    assert min(work(new_person) for _ in range(LOADS)) * SLOWER < LIMIT


def work(new_person: NewPerson) -> float:
    """Return the milliseconds that the first page costs."""
    person = new_person()
    devtools = person.context.new_cdp_session(person.page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    person.open()
    found: list[dict[str, Any]] = devtools.send("Performance.getMetrics")["metrics"]
    person.context.close()
    metrics = {each["name"]: float(each["value"]) for each in found}
    return sum(metrics[name] for name in WORK) * 1000
