"""No violation of axe-core on any page, in any state and in any look; and what axe cannot tell.

docs/accessibility.md names these tests beside the criteria of WCAG that they show.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import NewPerson
from .looks import DARK, FORCED, LIGHT, PHONE, Look
from .person import Person
from .scenes import State
from .states import STATES

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]

OF_COLOUR = ["color-contrast", "link-in-text-block"]

LOOKS = (
    (LIGHT, ALL_RULES),
    (DARK, OF_COLOUR),
    (FORCED, OF_COLOUR),
    (
        Look(name="phone", size=PHONE),
        [*OF_COLOUR, "target-size", "scrollable-region-focusable"],
    ),
)
"""How a page is looked at, and by which rules: what is the same in each look is asked once."""

each_state = pytest.mark.parametrize("state", STATES, ids=str)


@each_state
def test_axe_finds_nothing(state: State, new_person: NewPerson) -> None:
    person = new_person(locale=state.locale)
    state.reach(person)
    person.page.evaluate(Axe().axe_script)
    found = []
    for look, rules in LOOKS:
        look.apply(person.page)
        found += [f"{look}: {each}" for each in violations(person.page, rules)]
    assert found == []


def violations(page: Page, rules: list[str], *, within: Any = "html") -> list[str]:
    """:param within: the part of the page that is looked at, as axe takes it."""
    options = {"runOnly": rules, "resultTypes": ["violations", "incomplete"]}
    answer: dict[str, Any] = page.evaluate(
        "([within, options]) => axe.run(within, options)", [within, options]
    )
    # What axe is not sure of is somebody's to look at: contrast over a background, for one.
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for kind in ("violations", "incomplete")
        for rule in answer[kind]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("look", [LIGHT, DARK, FORCED], ids=str)
@pytest.mark.parametrize("name", ["number", "code-wrong", "numbers"])
def test_whoever_has_the_keyboard_is_seen(name: str, look: Look, person: Person) -> None:
    [state] = [each for each in STATES if each.name == name]
    state.reach(person)
    look.apply(person.page)
    person.page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(12):
        person.page.keyboard.press("Tab")
        stop: dict[str, Any] = person.page.evaluate(FOCUSED)
        if stop["name"] == "BODY":
            continue
        seen.add(stop["name"])
        assert stop["outline"] == "solid", stop
        assert stop["width"] >= 2, stop
        assert stop["shown"], f"{stop['name']} is outside of the window"
    assert len(seen) >= 4


FOCUSED = """() => {
  const stop = document.activeElement, style = getComputedStyle(stop);
  const box = stop.getBoundingClientRect();
  return {
    name: stop === document.body ? "BODY" : stop.outerHTML.slice(0, 200),
    outline: style.outlineStyle,
    width: parseFloat(style.outlineWidth),
    shown: box.top >= 0 && box.bottom <= innerHeight,
  };
}"""


def test_nothing_moves_for_whom_motion_disturbs(person: Person) -> None:
    person.ask()
    person.page.emulate_media(reduced_motion="reduce")
    person.page.locator("summary").click()
    person.page.locator(".sms-otp form button").first.hover()
    assert person.page.evaluate("document.getAnimations().length") == 0
    person.page.emulate_media(reduced_motion="no-preference")
    person.page.locator("#id_code").hover()
    # There is something to switch off.
    assert person.page.evaluate("document.getAnimations().length") > 0


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=str)
def test_edges_can_be_seen(look: Look, person: Person) -> None:
    """WCAG 1.4.11. In forced colours the reader's own choice holds."""
    [state] = [each for each in STATES if each.name == "code-wrong"]
    state.reach(person)
    look.apply(person.page)
    card, *edges = person.page.evaluate(EDGES)
    assert len(edges) == 4
    for edge in edges:
        assert contrast(edge, card) >= 3, edge


EDGES = """() => {
  const style = (name) => getComputedStyle(document.querySelector(name));
  return [
    style(".sms-otp-card").backgroundColor,
    style("#id_code").borderTopColor,
    style("#id_code").outlineColor,
    style(".sms-otp-error").borderTopColor,
    style(".sms-otp-other").borderTopColor,
  ];
}"""


def contrast(one: str, other: str) -> float:
    """Return the contrast of WCAG, of two colours that are written ``rgb(1, 2, 3)``."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
